package process

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// bound is within what a scene must have come to its end.
const bound = enginetest.Timeout

// A theatre is where scenes are played: an engine in a process of its own.
type theatre struct {
	*saboteur
	engine *Engine
	way    way
	dir    string
	plays  int
	first  *json.Encoder // to an earlier supervisor
	begun  *bufio.Reader // what it has begun
}

func newTheatre(w way) *theatre {
	dir, err := os.MkdirTemp("", "fail")
	must(err)
	o := options(dir)
	o.Logger = slog.New(slog.DiscardHandler)
	e, err := New(o)
	must(err)
	st := &theatre{saboteur: new(saboteur), engine: e, way: w, dir: dir}
	fail(st.call)
	return st
}

func (st *theatre) close() {
	must(st.engine.Close())
	os.RemoveAll(st.dir)
}

// A scene is what happens to a run: all its processes must be gone at the end. It arms
// the saboteur.
type scene func(st *theatre, r *family, p mishap) error

var scenes = map[string]scene{
	"start": playStart, "stop": playStop, "kill": playKill, "pause": playPause,
	"left": playLeftBehind, "leave": playLeave, "takeback": playTakeback, "unknown": playUnknown,
}

// family is a run with a main process, a child and one that has left its session.
type family struct {
	engine.Process
	spec      task.Spec
	log       string
	bystander int // reads the log
	pids      []int
}

// play plays a scene, and sees what must hold of any.
func (st *theatre) play(sc scene, p mishap) error {
	st.plays++
	r := &family{spec: sh(`sleep 1000 & echo child $!; setsid sh -c 'echo away $$; exec sleep 1000' & wait`)}
	r.spec.Name = fmt.Sprintf("play%d", st.plays)
	r.log = filepath.Join(st.dir, r.spec.Name)
	st.clear(runID(st.engine.opts.ID, r.spec.Name, "7"))
	err := sc(st, r, p)
	st.disarm()
	if err == nil && r.Process != nil {
		err = r.awaitGone()
	}
	for _, pid := range r.pids {
		if err == nil && lives(pid) {
			err = fmt.Errorf("it is gone, and its %s is not", st.roles[pid])
		}
	}
	if r.bystander != 0 && !lives(r.bystander) {
		err = errors.Join(err, errors.New("one that reads its log has ended"))
	}
	if r.bystander != 0 {
		syscall.Kill(r.bystander, syscall.SIGKILL)
	}
	if left := st.left(); err == nil && len(left) > 0 {
		err = fmt.Errorf("%v are left", left)
	}
	for _, pid := range st.left() { // the next is to find nothing of this
		syscall.Kill(pid, syscall.SIGKILL)
	}
	st.mu.Lock()
	defer st.mu.Unlock()
	if len(st.wrong) > 0 {
		err = errors.Join(err, errors.New(strings.Join(st.wrong, "; ")))
	}
	return err
}

func (r *family) awaitGone() error {
	select {
	case <-r.Gone():
	case <-time.After(bound):
		return fmt.Errorf("it is not gone after %v: %v", bound, r.Process.(engine.StopReporter).StopErr())
	}
	<-r.Exited()
	return nil
}

// startFamily begins a run whose calls do not fail.
func (st *theatre) startFamily(r *family) error {
	if err := st.start(r); err != nil {
		return err
	}
	return st.meet(r, r.Ref().PID)
}

func (st *theatre) start(r *family) error {
	log, err := os.OpenFile(r.log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
	must(err)
	p, err := st.engine.start(context.Background(), engine.Launch{Spec: &r.spec, Run: 7, Log: log}, st.way.groups(st.engine))
	if err == nil {
		r.Process = p
	}
	return err
}

// meet waits until all of the run is there, and has a bystander read its log.
func (st *theatre) meet(r *family, main int) error {
	pids := map[string]int{"main": main}
	for end := time.Now().Add(bound); len(pids) < 3; time.Sleep(time.Millisecond) {
		text, err := os.ReadFile(r.log)
		must(err)
		for line := range strings.Lines(string(text)) {
			if role, number, ok := strings.Cut(line, " "); ok && strings.HasSuffix(number, "\n") {
				pids[role], err = strconv.Atoi(strings.TrimSpace(number))
				must(err)
			}
		}
		if time.Now().After(end) {
			return fmt.Errorf("it does not begin: %q", text)
		}
	}
	for _, role := range []string{"main", "child", "away"} {
		st.know(pids[role], role)
		r.pids = append(r.pids, pids[role])
	}
	log, err := os.Open(r.log)
	must(err)
	defer log.Close()
	r.bystander, err = syscall.ForkExec("/bin/sleep", []string{"sleep", "1000"}, &syscall.ProcAttr{
		Files: []uintptr{log.Fd(), st.engine.null.Fd(), st.engine.null.Fd()}, Sys: &syscall.SysProcAttr{Setsid: true},
	})
	must(err)
	return nil
}

// A start that fails leaves nothing.
func playStart(st *theatre, r *family, p mishap) error {
	st.arm(p)
	err := st.start(r)
	st.disarm()
	if err != nil {
		if p.errno == 0 || !errors.Is(err, p.errno) {
			return err
		}
		if left := st.left(); len(left) > 0 {
			return fmt.Errorf("it failed (%w), and %v are left", err, left)
		}
		return nil
	}
	if err := st.meet(r, r.Ref().PID); err != nil {
		return err
	}
	if s, ok := statOf(r.Ref().PID); !ok || s.start != r.Ref().Start {
		return fmt.Errorf("it began at %d and not at %d", s.start, r.Ref().Start)
	}
	r.Stop(syscall.SIGTERM)
	return nil
}

func playStop(st *theatre, r *family, p mishap) error {
	if err := st.startFamily(r); err != nil {
		return err
	}
	st.arm(p)
	r.Stop(syscall.SIGTERM)
	return r.awaitGone()
}

// A stop that says nothing has sent what it should.
func playKill(st *theatre, r *family, p mishap) error {
	if err := st.startFamily(r); err != nil {
		return err
	}
	st.arm(p)
	r.Stop(syscall.SIGKILL)
	err := r.Process.(engine.StopReporter).StopErr()
	st.mu.Lock()
	kills := st.kills
	st.mu.Unlock()
	if err == nil && kills == 0 {
		return errors.New("it was not sent KILL, and no error says so")
	}
	return r.awaitGone()
}

// The main process ends by itself; what it leaves is stopped.
func playLeftBehind(st *theatre, r *family, p mishap) error {
	if err := st.startFamily(r); err != nil {
		return err
	}
	st.arm(p)
	syscall.Kill(r.Ref().PID, syscall.SIGKILL)
	select {
	case <-r.Exited():
	case <-time.After(bound):
		return errors.New("nobody sees that its main process has ended")
	}
	if closed(r.Gone()) {
		return errors.New("it is gone, and nothing was stopped")
	}
	r.Stop(syscall.SIGTERM)
	return r.awaitGone()
}

// What is paused rests, and what is resumed does not.
func playPause(st *theatre, r *family, p mishap) error {
	if err := st.startFamily(r); err != nil {
		return err
	}
	pauser := r.Process.(engine.Pauser)
	st.arm(p)
	paused := pauser.Pause()
	for _, pid := range r.pids {
		if paused == nil && !rests(r, pid) {
			return fmt.Errorf("it is paused, and its %s is not", st.roles[pid])
		}
	}
	resumed := pauser.Resume()
	st.disarm()
	for _, pid := range r.pids {
		if resumed == nil && rests(r, pid) {
			return fmt.Errorf("it is resumed, and its %s is not", st.roles[pid])
		}
	}
	r.Stop(syscall.SIGKILL)
	return r.awaitGone()
}

// rests reports whether the process is stopped, or in a cgroup that is frozen.
func rests(r *family, pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	must(err)
	_, rest, _ := strings.Cut(string(b), ") ")
	if rest[0] == 'T' {
		return true
	}
	events, _ := os.ReadFile(r.Ref().Cgroup + "/cgroup.events")
	return strings.Contains(string(events), "frozen 1")
}

// The main process ends by itself; what it leaves is to stay.
func playLeave(st *theatre, r *family, p mishap) error {
	r.spec.LeaveChildren = true
	if err := st.startFamily(r); err != nil {
		return err
	}
	st.arm(p)
	syscall.Kill(r.Ref().PID, syscall.SIGKILL)
	err := r.awaitGone()
	st.disarm()
	for _, pid := range r.pids[1:] {
		if !lives(pid) {
			err = errors.Join(err, fmt.Errorf("its %s was to stay, and is gone", st.roles[pid]))
		}
		syscall.Kill(pid, syscall.SIGKILL)
		for end := time.Now().Add(bound); lives(pid) && time.Now().Before(end); {
			time.Sleep(time.Millisecond)
		}
	}
	return err
}

// What an earlier supervisor began and could not record is ended.
func playUnknown(st *theatre, r *family, p mishap) error {
	if _, err := st.beginEarlier(r); err != nil {
		return err
	}
	st.arm(p)
	_, err := st.engine.killUnknown(Database{Known: func(name string, _ int) bool { return name != r.spec.Name }})
	if err != nil && p.errno != 0 && errors.Is(err, p.errno) {
		return nil // it says that it could not
	}
	return err
}

// beginEarlier has an earlier supervisor begin a run.
func (st *theatre) beginEarlier(r *family) (ref task.Ref, err error) {
	if st.first == nil {
		st.beginFirst()
	}
	must(st.first.Encode(launch{r.spec, r.log}))
	line, err := st.begun.ReadBytes('\n')
	must(err)
	must(json.Unmarshal(line, &ref))
	return ref, st.meet(r, ref.PID)
}

// What an earlier supervisor began is taken back, and stopped.
func playTakeback(st *theatre, r *family, p mishap) error {
	ref, err := st.beginEarlier(r)
	if err != nil {
		return err
	}
	log, err := os.Open(r.log)
	must(err)
	st.arm(p)
	a, err := st.engine.Adopt(context.Background(), engine.Launch{Spec: &r.spec, Run: 7, Log: log}, ref)
	if err != nil {
		return fmt.Errorf("it is not taken back: %w", err)
	}
	r.Process = a
	r.Stop(syscall.SIGTERM)
	return r.awaitGone()
}

type launch struct {
	Spec task.Spec
	Log  string
}

// beginFirst begins the process that plays the earlier supervisor. It ends with
// this one.
func (st *theatre) beginFirst() {
	in, to, err := os.Pipe()
	must(err)
	from, out, err := os.Pipe()
	must(err)
	exe, err := os.Executable()
	must(err)
	_, err = os.StartProcess(exe, []string{exe}, &os.ProcAttr{
		Files: []*os.File{in, out, os.Stderr},
		Env:   append([]string{"PROCESS_TEST_HELPER=begin", "PROCESS_TEST_ID=" + st.engine.opts.ID}, os.Environ()...),
	})
	must(err)
	in.Close()
	out.Close()
	st.first, st.begun = json.NewEncoder(to), bufio.NewReader(from)
}

// playBegin begins runs, and reaps what of them has ended.
func playBegin() {
	o := options("/")
	o.ID = os.Getenv("PROCESS_TEST_ID")
	e, err := New(o)
	must(err)
	w := way(os.Getenv("PROCESS_TEST_WAY"))
	requests := json.NewDecoder(os.Stdin)
	for {
		var l launch
		if requests.Decode(&l) != nil {
			return
		}
		log, err := os.OpenFile(l.Log, os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o600)
		must(err)
		p, err := e.start(context.Background(), engine.Launch{Spec: &l.Spec, Run: 7, Log: log}, w.groups(e))
		must(err)
		must(json.NewEncoder(os.Stdout).Encode(p.Ref()))
	}
}
