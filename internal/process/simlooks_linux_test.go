package process

import (
	"fmt"
	"syscall"
	"testing"
	"testing/synctest"
	"time"
)

// quietSim is a simulation without cgroups, with a supervisor whose processes do only what
// the test has them do.
func quietSim(t *testing.T) *sim {
	s := newSim(t, 1, kernelKind{pidfdGroup: true, pidfdExit: true, children: true})
	s.m.scripted = func(*simProc) {}
	s.startEngine()
	return s
}

// What changes between two calls of a look hides nothing: where a process ends, what it
// has begun is looked for again; where its first thread ends, another shows its memory
// and its files.
func TestProcessesChangeAsTheyAreLookedAt(t *testing.T) {
	if !onMachine(t) {
		return
	}
	endFirst := func(m *machine, p *simProc) {
		p.thread = m.nextPID()
		m.tids[p.thread] = true
	}
	follow := func(m *machine, p *simProc) { // forks and ends
		m.fork(p)
		m.end(p, 0)
	}
	hang := func(_ *machine, p *simProc) { p.execing = true }               // in an exec, as on a dead server
	lock := func(_ *machine, p *simProc) { p.locked = make(chan struct{}) } // as one that maps a file of a dead server
	for name, c := range map[string]struct {
		unknown bool // nobody has recorded the run
		reaped  bool // by somebody else, at once
		bare    bool // the process has no environment
		at      string
		change  func(m *machine, p *simProc)
	}{
		"an orphan forks and ends":              {at: "/proc/%d/environ", change: follow},
		"an unknown process forks and ends":     {unknown: true, at: "/proc/%d/environ", change: follow},
		"one that was listed forks and is gone": {unknown: true, reaped: true, at: "/proc/%d/stat", change: follow},
		"a first thread ends, environment":      {at: "/proc/%d/environ", change: endFirst},
		"a first thread ends, unknown":          {unknown: true, at: "/proc/%d/environ", change: endFirst},
		"a first thread ends, files":            {bare: true, at: "/proc/%d/fd", change: endFirst},
		"an exec hangs":                         {at: "/proc/%d/environ", change: hang},
		"an exec hangs, files":                  {bare: true, at: "/proc/%d/environ", change: hang},
		"its memory is locked":                  {at: "/proc/%d/environ", change: lock},
		"its memory is locked, files":           {bare: true, at: "/proc/%d/environ", change: lock},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := quietSim(t)
				s.start("a")
				s.pass(time.Second)
				r := s.runs[0]
				var away *simProc
				s.inMachine(func(m *machine) {
					m.left = -1 // a look may take thousands of calls
					away = m.fork(r.main)
					m.setsid(away)
					if away.reaps = true; c.bare {
						away.env = nil
					} else {
						away.files = nil
					}
					m.before = func(call call) error {
						if call.name == "open" && call.path == fmt.Sprintf(c.at, away.pid) && m.life.engine != nil {
							m.before = nil
							c.change(m, away)
							if c.reaped {
								m.reap(away)
							}
						}
						return nil
					}
					if c.unknown {
						r.recorded = false
						m.die()
					}
					m.end(r.main, 0)
				})
				if c.unknown {
					s.end()
					s.startEngine()
				}
				s.pass(time.Minute)
				s.inMachine(func(m *machine) {
					for _, p := range r.procs {
						if !p.zombie {
							m.fail("%v lives on", p)
						}
					}
					if m.before != nil {
						m.fail("nobody has looked at %v", away)
					}
				})
				s.close()
			})
		})
	}
}

// A stop ends all of a run that may leave what it has started, also where its main process
// ends by itself as the stop looks for that.
func TestStopAsTheMainProcessEnds(t *testing.T) {
	if !onMachine(t) {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		s := quietSim(t)
		s.start("a")
		s.pass(time.Second)
		r := s.runs[0]
		var child *simProc
		s.inMachine(func(m *machine) {
			r.r.leave = true
			child = m.fork(r.main)
			m.before = func(c call) error {
				if c.name != "getdents" || c.path != "/proc" {
					return nil
				}
				m.before = nil
				m.end(r.main, 0)
				return syscall.ENOMEM // so that it takes a while
			}
		})
		s.ask(func() { s.signal(r, syscall.SIGTERM) })
		s.pass(time.Minute)
		s.inMachine(func(m *machine) {
			if !child.zombie {
				m.fail("%v lives on", child)
			}
		})
		s.close()
	})
}

// To a supervisor that is the first process of its pid namespace comes what was begun by
// whoever has entered that from outside. It is not a run's for the want of another that can
// have begun it, nor by a log that could not be marked, and it holds up no stop.
func TestOrphansOfWhoEntersAreStrangers(t *testing.T) {
	if !onMachine(t) {
		return
	}
	for name, enter := range map[string]func(p *simProc, log uint64){
		"may not be read": func(p *simProc, _ uint64) { p.hidden = true },
		"writes to a log": func(p *simProc, log uint64) {
			p.env, p.files[5] = []string{"HOME=/"}, descriptor{&openFile{log, syscall.O_WRONLY | syscall.O_APPEND}, false}
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := newSim(t, 1, kernelKind{pidfdGroup: true, pidfdExit: true, children: true})
				s.inMachine(func(m *machine) {
					m.scripted, m.contained = func(*simProc) {}, true
					m.end(m.orphanage, 0)
					m.reap(m.orphanage)
				})
				s.m.before = func(c call) error {
					if c.name == "fcntl" {
						return syscall.EPERM // as where this user does not own its files
					}
					return nil
				}
				s.startEngine()
				s.start("a")
				s.pass(time.Second)
				r := s.runs[0]
				var entered, child *simProc
				s.inMachine(func(m *machine) {
					m.left, m.faulty = -1, 0
					r.main.ignores, r.main.resists = false, 0
					entered, child = m.fork(m.init), m.fork(r.main)
					m.setsid(entered)
					m.setsid(child)
					child.hidden = true
					enter(entered, r.log)
				})
				s.ask(func() { s.signal(r, syscall.SIGTERM) })
				s.pass(time.Minute)
				s.inMachine(func(m *machine) {
					if entered.zombie {
						m.fail("%v, which no run has begun, was ended", entered)
					}
					if !child.zombie || !r.over {
						m.fail("%s is over: %v, its child has ended: %v", r.name, r.over, child.zombie)
					}
				})
				s.close()
			})
		})
	}
}

// What a daemon has begun with the environment of a run or a line, as atd(8) does for a hook
// that calls at(1), is not the run's: the next supervisor leaves it alone. What is the run's
// is asked to end before it is killed.
func TestJobsOfDaemonsAreStrangers(t *testing.T) {
	if !onMachine(t) {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		s := quietSim(t)
		s.start("unknown")
		s.start("lost")
		s.pass(time.Second)
		unknown, lost := s.runs[0], s.runs[1]
		var jobs []*simProc
		var left *simProc
		s.inMachine(func(m *machine) {
			m.left = -1
			left = m.fork(lost.main)
			m.setsid(left)
			outside := &simProc{parent: m.init} // of the pid namespace, as the parent of who enters it with `nsenter --env`
			outside.pgrp, outside.session = outside, outside
			for _, daemon := range []*simProc{m.fork(m.init), outside} {
				for _, env := range [][]string{unknown.main.env, lost.main.env, {"TASKS_RUN_ID=" + lost.id + ":1"}} {
					job := m.fork(daemon)
					m.setsid(job)
					job.env = env
					jobs = append(jobs, job, m.fork(job))
				}
			}
			unknown.recorded = false
			for _, p := range []*simProc{unknown.main, left} {
				p.ignores, p.resists = false, 0
			}
			m.die()
			m.end(lost.main, 0)
			m.reap(lost.main)
		})
		s.nextSupervisors()
		s.inMachine(func(m *machine) { m.left, m.faulty = -1, 0 })
		s.pass(time.Minute)
		s.inMachine(func(m *machine) {
			for _, p := range jobs {
				if p.zombie {
					m.fail("%v, which a daemon has begun, was ended", p)
				}
			}
			for _, p := range []*simProc{unknown.main, left} {
				if !p.zombie || p.status != syscall.WaitStatus(syscall.SIGTERM) {
					m.fail("%v, which is a run's, has ended: %v by %v", p, p.zombie, p.status)
				}
			}
		})
		s.close()
	})
}

// What is found of an unknown run is killed, also where the TERM before that has ended all
// that tied it to the run, and where errors have taken up the time.
func TestUnknownRunsAreKilledAsFound(t *testing.T) {
	if !onMachine(t) {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		s := quietSim(t)
		s.start("a")
		s.pass(time.Second)
		a := s.runs[0]
		var family []*simProc
		s.inMachine(func(m *machine) {
			m.left = -1
			away := m.fork(a.main)
			m.setsid(away)
			bare := m.fork(away) // shows nothing, and has lost the log
			named := m.fork(bare)
			m.setsid(bare)
			bare.env, bare.files = nil, nil
			family = []*simProc{away, bare, named}
			away.ignores, away.resists, a.main.ignores, a.main.resists = false, 0, false, 0
			bare.ignores, named.ignores = true, true
			a.recorded = false
			m.die()
			m.end(a.main, 0)
			m.reap(a.main)
			failures := 5
			m.before = func(call call) error {
				if call.name == "getdents" && call.path == "/proc" && failures > 0 {
					failures--
					return syscall.EMFILE
				}
				return nil
			}
		})
		s.nextSupervisors()
		s.inMachine(func(m *machine) {
			for _, p := range family {
				if !p.zombie {
					m.fail("%v lives on", p)
				}
			}
		})
		s.close()
	})
}

// What has its memory locked for a moment, as a supervisor looks for unknown runs, is asked
// again.
func TestUnknownRunsAreReadOnceTheyCanBe(t *testing.T) {
	if !onMachine(t) {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		s := quietSim(t)
		s.start("a")
		s.pass(time.Second)
		a := s.runs[0]
		s.inMachine(func(m *machine) {
			m.left = -1
			a.recorded = false
			locked := make(chan struct{})
			a.main.locked = locked
			m.at(time.Second, nil, func() { close(locked) })
			m.die()
		})
		s.nextSupervisors()
		s.inMachine(func(m *machine) {
			if !a.main.zombie {
				m.fail("%v lives on", a.main)
			}
		})
		s.close()
	})
}

// A look for unknown runs that something ends in is repeated, also where others have failed
// before: what the process that has ended had begun may be one's.
func TestUnknownRunsAreLookedForAfterErrors(t *testing.T) {
	if !onMachine(t) {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		s := quietSim(t)
		s.start("a")
		s.pass(time.Second)
		a := s.runs[0]
		var child *simProc
		s.inMachine(func(m *machine) {
			m.left = -1
			a.recorded = false
			child = m.fork(a.main)
			a.main.env = nil // as the child's parent it may be a daemon
			failures := 2
			m.before = func(c call) error {
				switch {
				case failures > 0 && c.name == "getdents" && c.path == "/proc":
					failures--
					return syscall.EMFILE
				case failures == 0 && c.name == "open" && c.path == fmt.Sprintf("/proc/%d/environ", child.pid):
					m.end(a.main, 0) // whose environment was read
				}
				return nil
			}
			m.die()
		})
		s.nextSupervisors()
		s.inMachine(func(m *machine) {
			if !child.zombie {
				m.fail("%v lives on", child)
			}
		})
		s.close()
	})
}

// Nor does it count how often others were found and ended before.
func TestUnknownRunsAreLookedForAfterFinds(t *testing.T) {
	if !onMachine(t) {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		s := quietSim(t)
		s.start("a")
		s.pass(time.Second)
		a := s.runs[0]
		s.inMachine(func(m *machine) {
			m.left = -1
			a.recorded = false
			child := m.fork(a.main)
			a.main.env = nil // as the child's parent it may be a daemon
			looks := 0
			m.before = func(c call) error {
				m.left = -1 // one supervisor makes all looks
				switch {
				case c.name == "open" && c.path == "/proc" && m.life.engine != nil:
					if looks++; looks <= unknownPasses {
						other := m.fork(child)
						other.parent = m.orphanage
					}
				case looks > unknownPasses && c.name == "open" && c.path == fmt.Sprintf("/proc/%d/environ", child.pid):
					m.end(a.main, 0) // whose environment was read
				}
				return nil
			}
			m.die()
		})
		s.nextSupervisors()
		s.noneLives(a)
		s.close()
	})
}

// What an unknown run begins as it is looked for is found, also where looks take up the time:
// each waits for the execs that hang, of whatever processes.
func TestUnknownRunsAreLookedForToTheEnd(t *testing.T) {
	if !onMachine(t) {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		s := quietSim(t)
		s.start("a")
		s.pass(time.Second)
		a := s.runs[0]
		last := a.main
		s.inMachine(func(m *machine) {
			m.left = -1
			last.ignores = true
			a.recorded = false
			var hung *simProc
			looks := 0
			m.before = func(c call) error {
				switch {
				case c.name == "open" && c.path == "/proc" && looks < 5:
					looks++
					hung = m.fork(m.init) // a stranger
					hung.env, hung.execing = nil, true
				case hung != nil && c.path == fmt.Sprintf("/proc/%d/environ", hung.pid): // all are listed
					hung = nil
					last = m.fork(last)
					m.setsid(last)
				}
				return nil
			}
			m.die()
		})
		s.nextSupervisors()
		s.noneLives(a)
		s.close()
	})
}

// A pause suspends also what a process has begun that ended as it was looked at.
func TestPauseAsAProcessEnds(t *testing.T) {
	if !onMachine(t) {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		s := quietSim(t)
		s.start("a")
		s.pass(time.Second)
		a := s.runs[0]
		var next *simProc
		s.inMachine(func(m *machine) {
			m.left = -1
			away := m.fork(a.main)
			m.setsid(away)
			a.pausing = true
			m.before = func(call call) error {
				if call.name == "open" && call.path == fmt.Sprintf("/proc/%d/stat", away.pid) {
					m.before = nil
					next = m.fork(away)
					m.end(away, 0)
				}
				return nil
			}
		})
		if err := a.r.Pause(); err != nil {
			t.Error(err)
		}
		s.inMachine(func(m *machine) {
			if next == nil || !next.stopped {
				m.fail("%v keeps running", next)
			}
		})
		if err := a.r.Resume(); err != nil {
			t.Error(err)
		}
		s.close()
	})
}

// What may be part of a run that was taken back, and cannot be read for now, is neither left
// running by a pause nor left stopped by a resume.
func TestPauseOfWhatCannotBeRead(t *testing.T) {
	if !onMachine(t) {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		s := quietSim(t)
		s.start("a")
		s.pass(time.Second)
		a := s.runs[0]
		var away *simProc
		s.inMachine(func(m *machine) {
			m.left = -1
			parent := m.fork(a.main)
			away = m.fork(parent)
			m.setsid(away)
			m.end(parent, 0)
			m.die()
		})
		s.nextSupervisors()
		lock := func() {
			s.inMachine(func(m *machine) {
				m.left, a.pausing = -1, true
				locked := make(chan struct{})
				away.locked = locked
				m.at(2*time.Second, nil, func() { close(locked); away.locked = nil })
			})
			if _, _, err := readMarks(away.pid); err != errHangs { // as another look has found
				t.Error(err)
			}
		}
		lock()
		if err := a.r.Pause(); err != nil || !away.stopped {
			t.Errorf("paused: %v, and it keeps running: %v", err, !away.stopped)
		}
		lock()
		if err := a.r.Resume(); err != nil || away.stopped {
			t.Errorf("resumed: %v, and it is stopped: %v", err, away.stopped)
		}
		s.inMachine(func(m *machine) {
			m.end(away, 0)
			m.end(a.main, 0)
		})
		s.pass(time.Minute)
		s.close()
	})
}

// What was sent STOP while it was in the kernel has not stopped yet: a resume takes that back,
// and so does the end of a run that may leave it behind.
func TestResumeOfWhatIsAboutToStop(t *testing.T) {
	if !onMachine(t) {
		return
	}
	for name, inKernel := range map[string]byte{"in uninterruptible sleep": 'D', "busy": 'R'} {
		for _, how := range []string{"resumed by the next supervisor", "left behind"} {
			t.Run(name+", "+how, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					s := quietSim(t)
					s.start("a")
					s.pass(time.Second)
					a := s.runs[0]
					var child *simProc
					s.inMachine(func(m *machine) {
						m.left, a.pausing = -1, true
						child = m.fork(a.main)
						child.inKernel = inKernel
						if a.leave = how == "left behind"; a.leave {
							a.r.leave = true
							return
						}
						m.signal(child, syscall.SIGSTOP)
						m.die()
					})
					if a.leave {
						_ = a.r.Pause() // which a busy process keeps from coming about
						s.inMachine(func(m *machine) {
							m.signal(child, syscall.SIGSTOP)
							m.end(a.main, syscall.WaitStatus(syscall.SIGKILL))
						})
					}
					s.nextSupervisors()
					s.pass(time.Minute)
					s.inMachine(func(m *machine) {
						if m.leaveKernel(child); child.zombie || child.stopped {
							m.fail("%v has stopped", child)
						}
						m.end(child, 0)
						m.end(a.main, 0)
					})
					s.pass(time.Second)
					s.close()
				})
			})
		}
	}
}

// A run is over however many others come and go: what ends as it is looked for matters only
// where it may have been the run's.
func TestOthersComeAndGo(t *testing.T) {
	if !onMachine(t) {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		s := quietSim(t)
		s.start("a")
		s.pass(time.Second)
		a := s.runs[0]
		looks := 0
		s.inMachine(func(m *machine) {
			m.left = -1
			left := m.fork(a.main)
			left.ignores, left.resists = false, 0
			daemon := m.fork(m.init)
			m.setsid(daemon)
			come := func(parent *simProc) *simProc {
				p := m.fork(parent)
				p.env = []string{"HOME=/"}
				return p
			}
			var child, first, second *simProc
			m.before = func(c call) error {
				switch {
				case c.name == "open" && c.path == "/proc":
					looks++
					if second != nil {
						m.end(second, 0)
					}
					child, first, second = come(daemon), come(m.orphanage), come(m.orphanage)
				case child == nil || c.name != "open":
				case c.path == fmt.Sprintf("/proc/%d/environ", child.pid):
					m.end(child, 0)
				case c.path == fmt.Sprintf("/proc/%d/environ", second.pid):
					m.end(first, 0) // after it was looked at
				}
				return nil
			}
			m.die()
			m.end(a.main, 0)
			m.reap(a.main)
		})
		s.nextSupervisors()
		s.inMachine(func(m *machine) { m.left, m.faulty = -1, 0 })
		s.pass(time.Second)
		s.inMachine(func(m *machine) {
			if !a.over {
				m.fail("%s is not over, after %d looks", a.name, looks)
			}
		})
		s.close()
	})
}

// What an adopted run has left is found also where the process that took it in has ended, and
// nobody has reaped that: its children have another parent.
func TestOrphansOfAReaperThatHasEnded(t *testing.T) {
	if !onMachine(t) {
		return
	}
	synctest.Test(t, func(t *testing.T) {
		s := quietSim(t)
		s.start("a")
		s.pass(time.Second)
		s.inMachine((*machine).die)
		s.nextSupervisors()
		a := s.runs[0]
		var child *simProc
		s.inMachine(func(m *machine) {
			m.left, m.faulty = -1, 0
			m.orphanage.reaps, m.orphanage.parent.reaps = true, false
			child = m.fork(a.main)
			child.ignores = true
			m.end(a.main, 0)
		})
		s.pass(50 * time.Millisecond)
		s.inMachine(func(m *machine) {
			if a.over || child.zombie {
				m.fail("%s is over: %v, its child has ended: %v", a.name, a.over, child.zombie)
			}
			m.endOrphanage()
		})
		s.pass(time.Minute)
		s.inMachine(func(m *machine) {
			if !a.over || !child.zombie {
				m.fail("%s is over: %v, its child has ended: %v", a.name, a.over, child.zombie)
			}
		})
		s.close()
	})
}

// nextSupervisors begins one supervisor after the other until one lives.
func (s *sim) nextSupervisors() {
	for s.dead() {
		s.end()
		s.startEngine()
	}
}

// noneLives fails if any process of the run lives.
func (s *sim) noneLives(r *simRun) {
	s.inMachine(func(m *machine) {
		for _, p := range r.procs {
			if !p.zombie {
				m.fail("%v lives on", p)
			}
		}
	})
}
