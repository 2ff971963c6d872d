package crashtest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"testing"
	"time"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// usual is how long TestCrashes lasts; the variable CRASHTEST says otherwise.
const usual = 10 * time.Second

// timeout bounds each wait for an event that must come.
const timeout = 2 * time.Minute

// A crashTest is one supervisor with many deaths, and what is known of its tasks.
type crashTest struct {
	program, socket string
	rand            *rand.Rand
	names           []*name
	client          *client.Client

	kills, early, acknowledged, unsure, kept, lost int
}

func TestCrashes(t *testing.T) {
	t.Parallel()
	if sealed(t) {
		return
	}
	s := newCrashTest(t)
	s.serve(t)
	for end := time.Now().Add(length(t, usual)); time.Now().Before(end) && !t.Failed(); {
		s.burst(t, func() { s.killSoon(t) })
		s.serve(t)
		s.check(t)
	}
	t.Logf("%d kills, %d of them as the supervisor began; %d operations acknowledged, %d under way at a kill; %d times a task was taken back, %d times its exit code was lost",
		s.kills, s.early, s.acknowledged, s.unsure, s.kept, s.lost)
	if s.kills == 0 || s.acknowledged == 0 {
		t.Error("the supervisor was never killed")
	}
}

// length is how long a test lasts.
func length(t *testing.T, usual time.Duration) time.Duration {
	t.Helper()
	if testing.Short() {
		return min(usual, time.Second)
	}
	text := os.Getenv("CRASHTEST")
	if text == "" {
		return usual
	}
	d, err := time.ParseDuration(text)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// newCrashTest is a crashTest of the program, built with args.
func newCrashTest(t *testing.T, args ...string) *crashTest {
	t.Helper()
	dir := build(t, args...)
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	s := &crashTest{program: filepath.Join(dir, "tasks"), socket: filepath.Join(dir, "s.sock"), rand: rand.New(rand.NewPCG(seed, 0))}
	s.client = &client.Client{Socket: s.socket}
	for i := range 24 {
		s.names = append(s.names, &name{text: fmt.Sprintf("t%02d", i), rand: rand.New(rand.NewPCG(seed, uint64(i+1)))})
	}
	t.Cleanup(func() {
		if t.Failed() {
			log, _ := os.ReadFile(filepath.Join(dir, "s.state", "supervisor.log"))
			t.Logf("the supervisor's log ends:\n%s", log[max(0, len(log)-1500):])
		}
		s.end()
	})
	return s
}

// burst has several clients at work until the supervisor is gone, which amid
// may see to.
func (s *crashTest) burst(t *testing.T, amid func()) {
	t.Helper()
	const clients = 6
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	counts := make([]int, clients)
	var busy sync.WaitGroup
	for i := range clients {
		busy.Go(func() {
			c := &client.Client{Socket: s.socket}
			defer c.Close()
			for k := i; ; k = (k + clients) % len(s.names) { // each name is one client's
				if err := s.names[k].act(ctx, c); err != nil {
					if ctx.Err() != nil || errors.Is(err, errWrong) {
						t.Errorf("%s: %v", s.names[k].text, err)
					}
					return
				}
				counts[i]++
			}
		})
	}
	amid()
	busy.Wait()
	for _, n := range counts {
		s.acknowledged += n
	}
	for _, n := range s.names {
		if n.doing != nothing {
			s.unsure++
		}
	}
}

// killSoon kills the supervisor, mostly in the midst of the first operations,
// else in full swing.
func (s *crashTest) killSoon(t *testing.T) {
	t.Helper()
	wait := 30 * time.Millisecond
	if s.rand.IntN(3) == 0 {
		wait = 200 * time.Millisecond
	}
	time.Sleep(time.Duration(s.rand.Int64N(int64(wait))))
	if n := s.kill(); n != 1 {
		t.Errorf("%d supervisors were killed", n)
	}
	s.kills++
}

// serve starts a supervisor, after some whose beginning ends early.
func (s *crashTest) serve(t *testing.T) {
	t.Helper()
	for {
		early := s.rand.IntN(3) == 0
		cmd := exec.Command(s.program, "-s", s.socket, "serve")
		var killed chan int
		if early {
			killed = make(chan int)
			wait := time.Duration(s.rand.Int64N(int64(30 * time.Millisecond)))
			go func() {
				time.Sleep(wait)
				killed <- s.kill()
			}()
		}
		out, err := cmd.CombinedOutput()
		if !early {
			if err != nil {
				t.Fatalf("serve: %v\n%s", err, out)
			}
			return
		}
		n := <-killed
		s.kills += n
		s.early += n
		if n == 0 && err != nil {
			t.Fatalf("serve: %v\n%s", err, out)
		}
	}
}

// kill ends every supervisor on the socket, and returns how many there were.
func (s *crashTest) kill() int {
	n := 0
	for _, pid := range s.supervisors() {
		if syscall.Kill(pid, syscall.SIGKILL) == nil {
			n++
		}
	}
	return n
}

// supervisors are those on the socket.
func (s *crashTest) supervisors() (pids []int) {
	parents := make(map[int]int) // of what looks like a supervisor
	for _, p := range processes() {
		if args := p.args(); len(args) > 2 && args[1] == "supervise" && args[2] == s.socket && p.alive() {
			parents[p.pid] = p.parent()
		}
	}
	for pid, parent := range parents {
		// A child that is yet to execute its command looks like its parent.
		if _, child := parents[parent]; !child {
			pids = append(pids, pid)
		}
	}
	return pids
}

// check compares what there is with what was acknowledged. What was under way
// may take a while to settle.
func (s *crashTest) check(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), timeout)
	defer cancel()
	for end := time.Now().Add(timeout / 2); ; time.Sleep(5 * time.Millisecond) {
		wrong := s.compare(t, ctx)
		if len(wrong) == 0 {
			return
		}
		if time.Now().After(end) {
			for _, err := range wrong {
				t.Error(err)
			}
			return
		}
	}
}

func (s *crashTest) compare(t *testing.T, ctx context.Context) (wrong []error) {
	t.Helper()
	listed, err := s.client.List(ctx, client.ListOptions{})
	if err != nil {
		return []error{err}
	}
	there := s.running()
	infos := make(map[string]*task.Info)
	for i := range listed {
		infos[listed[i].Name] = &listed[i]
	}
	for _, n := range s.names {
		if err := n.compare(infos[n.text], there[n.text]); err != nil {
			wrong = append(wrong, fmt.Errorf("%s (%s, then %s under way): %w", n.text, n.last, n.doing, err))
		}
		delete(infos, n.text)
		delete(there, n.text)
	}
	for text := range infos {
		wrong = append(wrong, fmt.Errorf("%s is listed", text))
	}
	for text := range there {
		wrong = append(wrong, fmt.Errorf("%s is not listed, but runs", text))
	}
	if len(wrong) > 0 {
		return wrong
	}
	byName := make(map[string]*task.Info)
	for i := range listed {
		byName[listed[i].Name] = &listed[i]
	}
	for _, n := range s.names {
		info := byName[n.text]
		if info != nil && n.last.up && info.PID == n.last.pid && info.PID != 0 {
			s.kept++
		}
		if info != nil && info.State == task.Lost && n.last.up {
			s.lost++
		}
		n.settle(info)
	}
	return nil
}

// end stops the supervisor and the remaining processes.
func (s *crashTest) end() {
	exec.Command(s.program, "-s", s.socket, "exit", "--timeout", "1s", "-q").Run()
	s.client.Close()
	s.kill()
	for _, procs := range s.running() {
		for _, p := range procs {
			syscall.Kill(p.pid, syscall.SIGKILL)
		}
	}
}
