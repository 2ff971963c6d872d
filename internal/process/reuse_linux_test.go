package process

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// In a pid namespace where pids can be chosen, strangers take those of ended runs: before
// they are taken back, and after. No stop may reach one.
func TestPidsAreUsedAgain(t *testing.T) {
	t.Parallel()
	unshare, err := exec.LookPath("unshare")
	if err != nil || os.Geteuid() != 0 {
		t.Skip("a pid namespace takes root and unshare(1)")
	}
	h := helper(t, "reuse")
	dir := t.TempDir()
	h.Env = env(t, map[string]string{"PROCESS_TEST_HELPER": "reuse", "PROCESS_TEST_DIR": dir, "PATH": "/usr/bin:/bin:/usr/sbin:/sbin"})
	h.Command = []string{unshare, "-pf", "--mount-proc", "--kill-child", h.Command[0]}
	s := start(t, h)
	e := s.wait(t)
	log := s.log(t)
	if strings.Contains(log, "unshare failed") || strings.Contains(log, "no pid can be chosen") {
		t.Skipf("no such pid namespace here: %s", log)
	}
	if !e.OK() || !strings.Contains(log, "all strangers live\n") {
		t.Errorf("%+v\n%s", e, log)
	}
}

// playReuse is the first process of the namespace.
func playReuse() {
	if err := lastPID(100); err != nil {
		fmt.Println("no pid can be chosen:", err)
		return
	}
	const tree = `setsid sleep 1000 & wait`
	s := stage{ID: "few", Dir: os.Getenv("PROCESS_TEST_DIR")}
	for _, name := range []string{"before", "leader", "session", "after", "race"} {
		spec := sh(tree)
		spec.Name = name
		s.Specs = append(s.Specs, spec)
	}
	text, err := json.Marshal(s)
	must(err)
	must(os.Setenv("PROCESS_TEST_STAGE", string(text)))
	killFirst(s)
	refs := readRefs(s)
	for i := range 3 { // as if their end had been seen now, by which they lived
		refs[i].Over, refs[i].Namespace = ticks(), seen(pidNamespace())
	}
	report(s.refs(), refs)
	time.Sleep(3 * tick) // strangers begin in another tick

	var strangers []proc
	take := func(ref task.Ref, setsid bool) {
		syscall.Kill(ref.PID, syscall.SIGKILL)
		reapUntil(ref.PID)
		for {
			must(lastPID(ref.PID - 1))
			attr := &syscall.ProcAttr{Sys: &syscall.SysProcAttr{Setsid: setsid}}
			pid, err := syscall.ForkExec("/bin/sh", []string{"sh", "-c", "sleep 1000 & setsid sleep 1000 & wait"}, attr)
			must(err)
			if pid == ref.PID {
				for children(pid) < 2 {
					time.Sleep(time.Millisecond)
				}
				strangers = append(strangers, proc{pid, startOf(pid)})
				return
			}
			syscall.Kill(pid, syscall.SIGKILL) // another was faster
			reapUntil(pid)
		}
	}
	take(refs[0], false)
	take(refs[1], true)
	take(refs[2], true)
	follower := leaderDies(&strangers)
	r, w, err := os.Pipe()
	must(err)
	second := play("second", r)
	await(s.Dir, "adopted")
	take(refs[3], true)
	// The second supervisor learns of this end and gets the request to stop the run at
	// the same time, when the pid is another's already.
	must(second.Signal(syscall.SIGSTOP))
	take(refs[4], true)
	fmt.Fprintln(w, "stop")
	must(second.Signal(syscall.SIGCONT))
	await(s.Dir, "stopped")
	for _, p := range strangers {
		if !alive(p) {
			fmt.Println("hit:", p.pid)
			os.Exit(1)
		}
		if n := children(p.pid); n != 2 {
			fmt.Printf("of the stranger %d there are %d children\n", p.pid, n)
			os.Exit(1)
		}
	}
	if !alive(follower) {
		fmt.Println("hit: one in the session of a stranger that has ended")
		os.Exit(1)
	}
	for _, p := range processes() { // what the runs have left is gone
		if strings.HasPrefix(nameOfRun(p.pid), s.ID+"/") && !p.dead() {
			fmt.Println("left:", p.pid)
			os.Exit(1)
		}
	}
	fmt.Println("all strangers live")
}

// leaderDies ends the last stranger, and returns the one that stays in its session.
func leaderDies(strangers *[]proc) (follower proc) {
	leader := (*strangers)[len(*strangers)-1]
	*strangers = (*strangers)[:len(*strangers)-1]
	must(syscall.Kill(leader.pid, syscall.SIGKILL))
	reapUntil(leader.pid)
	for _, p := range processes() {
		if p.session == leader.pid && !p.dead() {
			return p.proc
		}
	}
	must(fmt.Errorf("nothing is in session %d", leader.pid))
	return follower
}

// playSecond takes the runs back and stops them on request.
func playSecond() {
	s := stageOfEnv()
	refs := readRefs(s)
	o := options("/")
	o.ID = s.ID
	e, err := New(o)
	must(err)
	var all []engine.Process
	for i, ref := range refs {
		f, err := os.Open(filepath.Join(s.Dir, s.Specs[i].Name+".log"))
		must(err)
		p, err := e.Adopt(context.Background(), engine.Launch{Spec: &s.Specs[i], Run: 7, Log: f}, ref)
		must(err)
		all = append(all, p)
	}
	report(filepath.Join(s.Dir, "adopted"), true)
	bufio.NewReader(os.Stdin).ReadString('\n')
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		for _, p := range all {
			p.Signal(sig)
			p.Stop(sig)
		}
	}
	for _, p := range all {
		<-p.Gone()
	}
	report(filepath.Join(s.Dir, "stopped"), true)
}

// lastPID has the next process get the pid after that.
func lastPID(pid int) error {
	return os.WriteFile("/proc/sys/kernel/ns_last_pid", []byte(strconv.Itoa(pid)), 0)
}

func readRefs(s stage) (refs []task.Ref) {
	text, err := os.ReadFile(s.refs())
	must(err)
	must(json.Unmarshal(text, &refs))
	return refs
}

// await waits for a report, and reaps meanwhile.
func await(dir, name string) {
	for {
		if _, err := os.Stat(filepath.Join(dir, name)); err == nil {
			return
		}
		reapOrphans()
		time.Sleep(time.Millisecond)
	}
}

func reapOrphans() {
	for _, p := range processes() {
		if p.ppid == os.Getpid() && p.dead() {
			syscall.Wait4(p.pid, nil, syscall.WNOHANG, nil)
		}
	}
}

func reapUntil(pid int) {
	for startOf(pid) != 0 {
		syscall.Wait4(pid, nil, syscall.WNOHANG, nil)
	}
}

func children(pid int) (n int) {
	for _, p := range processes() {
		if p.ppid == pid && !p.dead() {
			n++
		}
	}
	return n
}
