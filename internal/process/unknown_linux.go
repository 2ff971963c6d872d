package process

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"syscall"
	"time"

	"tasks/internal/failpoint"
)

// KillUnknown ends the processes of runs of this supervisor's state that the database
// does not know, by TERM and soon KILL: begun by an earlier one that died before it could record them.
// Processes of a line that an earlier one began by Exec are always unknown. It
// returns their pids; the error is that it could not look for them, or signal them,
// or an [*OlderError]. Call it before the first Start.
func (e *Engine) KillUnknown(db Database) ([]int, error) {
	killed, err := e.killUnknown(db)
	e.groups.clean(e.opts.ID)
	return killed, err
}

// How long unknown processes are looked for and waited for: what hangs in the kernel
// must not keep a supervisor from serving.
const (
	unknownTimeout = 2 * time.Second
	unknownPasses  = 3                      // at the least: on a busy machine one may take all the time
	maxUnknown     = 20                     // passes, as long as each finds others: what it has killed may have begun more
	unknownPause   = 500 * time.Millisecond // for what was killed to end, in each of them
)

func (e *Engine) killUnknown(db Database) (killed []int, err error) {
	end := time.Now().Add(unknownTimeout)
	groups, found := make(map[cgroup]bool), make(map[proc]bool)
	sig := syscall.SIGTERM
	others := false // than before were found
	idle := 0       // looks in a row that have found nothing
	for pass := 0; pass < unknownPasses || time.Now().Before(end) || others && pass < maxUnknown; pass++ {
		var look unknownLook
		look, err = e.lookForUnknown(db, groups, found)
		if len(look.later) > 0 {
			return killed, &OlderError{look.later}
		}
		if err != nil { // some may be later than the database
			time.Sleep(firstRetry)
			continue
		}
		if len(look.left) == 0 && !look.occupied {
			if idle++; look.unsure && idle < unknownPasses { // on a busy machine something always ends
				continue
			}
			if look.hangs && time.Now().Before(end) {
				time.Sleep(firstRetry)
				continue
			}
			break
		}
		idle = 0
		over := time.Now().Add(unknownPause)
		if sig == syscall.SIGTERM {
			end = over.Add(unknownTimeout) // for KILL
		} else {
			over = latest(end, over)
		}
		others = false
		for _, s := range look.left {
			others = others || !found[s.proc]
			found[s.proc] = true
			switch signalErr := e.tree.signal(s.proc, sig); {
			case signalErr == nil:
				if !slices.Contains(killed, s.pid) {
					killed = append(killed, s.pid)
				}
				failpoint.At("ending")
			case !gone(signalErr):
				err = signalErr
			}
		}
		if sig == syscall.SIGKILL {
			for _, group := range slices.Sorted(maps.Keys(groups)) {
				group.kill()
			}
		}
		for _, s := range look.left {
			if fd, err := watch(s.proc); err == nil {
				_ = fd.endedBy(over)
				fd.close()
			}
		}
		sig = syscall.SIGKILL
		if err != nil {
			time.Sleep(firstRetry)
		}
	}
	return killed, err
}

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// unknownLook is what is found of unknown runs.
type unknownLook struct {
	left     []stat
	later    map[string][]int // pids of runs that began after the database's last commit, by task
	occupied bool             // something is in their cgroups, perhaps what forks faster than anybody can look
	hangs    bool             // the memory of one that may be theirs cannot be read for now
	unsure   bool             // a process ended before it could be asked: what it began may not have been seen
}

// lookForUnknown finds the processes of unknown runs, and adds the cgroups of those
// to groups. What was found before is still theirs, though what tied it to them has ended.
func (e *Engine) lookForUnknown(db Database, groups map[cgroup]bool, found map[proc]bool) (look unknownLook, err error) {
	named, err := e.groups.all(e.opts.ID)
	if err != nil {
		return look, err
	}
	all, unsure, err := scanNoting()
	if err != nil {
		return look, err
	}
	own := e.ownLines() // after those were listed
	for run, group := range named {
		if e.unknown(run, own, db.Known) {
			groups[group] = true
		}
	}
	owner := make(map[int]*run)
	look.later = make(map[string][]int)
	stranger, owned := new(run), make(ownedCgroups)
	byPID := make(map[int]stat, len(all))
	for _, s := range all {
		byPID[s.pid] = s
	}
	for _, s := range all {
		if s.pid == ownPID || s.dead() {
			continue
		}
		path, pathErr := cgroupPath(strconv.Itoa(s.pid))
		byGroup, group, ownedErr := owned.runOf(path, e.opts.ID)
		byEnviron, mark, envErr := readMarks(s.pid)
		orphan := !s.parentOutside() && e.mayReap(byPID[s.ppid].proc)
		if envErr == errHangs {
			look.hangs = look.hangs || orphan && byGroup == ""
			envErr = nil
		}
		envErr = failure(envErr)
		if pathErr != nil || ownedErr != nil || envErr != nil {
			err = cmp.Or(pathErr, ownedErr, envErr)
		}
		if name, run, line, ok := parseID(cmp.Or(byGroup, byEnviron), e.opts.ID); ok && !line && db.before(name, run, parseCommit(mark, e.opts.ID)) {
			look.later[name] = append(look.later[name], s.pid)
		}
		if e.unknown(byGroup, own, db.Known) {
			owner[s.pid] = stranger
			if dir, err := cgroupDirOf(group); err == nil { // an earlier supervisor may have begun elsewhere
				groups[cgroup(dir)] = true
			}
		} else if found[s.proc] || e.unknown(byEnviron, own, db.Known) && orphan {
			owner[s.pid] = stranger
		}
	}
	ended, endedErr := anyEnded(all, owner)
	if endedErr != nil {
		err = endedErr
	}
	look.unsure = unsure || ended
	look.left = slices.DeleteFunc(descend(all, owner, nil)[stranger], func(s stat) bool {
		return s.pid == ownPID // one of them has started this very supervisor
	})
	for _, group := range slices.Sorted(maps.Keys(groups)) {
		populated, groupErr := group.populated()
		if groupErr != nil {
			err = groupErr
		}
		look.occupied = look.occupied || populated && !group.holdsSelf()
	}
	return look, err
}

func (e *Engine) unknown(id string, own map[string]bool, known func(string, int) bool) bool {
	name, run, line, ok := parseID(id, e.opts.ID)
	switch {
	case !ok:
		return false
	case line:
		return !own[id]
	default:
		return !known(name, run)
	}
}

// ownLines is the ids of the lines that this very engine began.
func (e *Engine) ownLines() map[string]bool {
	own := make(map[string]bool)
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, r := range e.runs {
		if isLine(r.id, e.opts.ID) {
			own[r.id] = true
		}
	}
	for r := range e.leftBehind {
		if isLine(r.id, e.opts.ID) {
			own[r.id] = true
		}
	}
	return own
}
