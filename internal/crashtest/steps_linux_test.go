package crashtest

import (
	"context"
	"encoding/binary"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"tasks/internal/failpoint"
)

// A step is a point at which the supervisor kills itself, and what leads there.
type step struct {
	point string
	most  int // it dies at one of that many passes
	lead  func(s *crashTest, t *testing.T, at string) (died bool)
}

var steps = []step{
	{"forked", 8, amid()},
	{"recorded", 8, amid()},
	{"committing", 10, amid()},
	{"committed", 10, amid()},
	{"intended", 3, amid()},
	{"asked", 4, amid()},
	{"reaped", 4, amid()},
	{"ended", 4, amid()},
	{"removed", 3, amid()},
	{"copied", 1, beginning((*crashTest).damage)},
	{"aside", 1, beginning((*crashTest).damage)},
	{"published", 1, beginning((*crashTest).damage)},
	{"ending", 2, beginning((*crashTest).leaveUnknown)},
	{"adopted", 8, beginning((*crashTest).leaveRunning)},
	{"leaving", 8, amid("exit", "--keep", "-q")},
	{"handing", 1, amid("serve", "--replace", "-q")},
	{"resumed", 1, amid("serve", "--replace", "-q")},
}

// TestNamedSteps is TestCrashes with a supervisor that dies at every step where
// something is half done.
func TestNamedSteps(t *testing.T) {
	t.Parallel()
	if sealed(t) {
		return
	}
	s := newCrashTest(t, "-tags", "failpoints")
	s.plain(t)
	died := make(map[string]int)
	for end := time.Now().Add(length(t, 3*time.Second)); !t.Failed(); {
		for _, step := range steps {
			if t.Failed() || !s.dieAt(t, step) {
				break
			}
			died[step.point]++
		}
		if time.Now().After(end) {
			break
		}
	}
	sum := 0
	for _, point := range failpoint.Points {
		sum += died[point]
		if died[point] == 0 && !t.Failed() {
			t.Errorf("no supervisor died at the point %q", point)
		}
	}
	t.Logf("%d kills at %d named steps, and %d others; %d operations acknowledged, %d under way at a kill; %d times a task was taken back, %d times its exit code was lost",
		sum, len(died), s.kills, s.acknowledged, s.unsure, s.kept, s.lost)
}

// dieAt makes a supervisor die at the step, and compares what the next one finds.
func (s *crashTest) dieAt(t *testing.T, step step) bool {
	t.Helper()
	for end := time.Now().Add(timeout); ; { // chance may lead past it
		at := fmt.Sprintf("%s:%d", step.point, 1+s.rand.IntN(step.most))
		died := step.lead(s, t, at)
		if !died {
			s.kills += s.kill() // it would die some time
		}
		s.plain(t)
		s.check(t)
		switch {
		case t.Failed():
			t.Logf("that was at %s", at)
			return false
		case died:
			return true
		case time.Now().After(end):
			t.Errorf("the point %q is not reached", step.point)
			return false
		}
	}
}

// amid has the supervisor die amid operations, or in a command that comes then.
func amid(command ...string) func(*crashTest, *testing.T, string) bool {
	return func(s *crashTest, t *testing.T, at string) bool {
		t.Helper()
		s.kills += s.kill()
		if s.diesAtOnce(t, at) {
			return true
		}
		pids := s.supervisors()
		if len(pids) != 1 {
			return len(pids) == 0 // so soon
		}
		gone := func() bool { return !slices.Contains(s.supervisors(), pids[0]) }
		s.burst(t, func() {
			if len(command) > 0 {
				time.Sleep(time.Duration(s.rand.Int64N(int64(50 * time.Millisecond))))
				s.command(t, "", command...)
			}
			for end := time.Now().Add(5 * time.Second); !gone() && time.Now().Before(end); {
				time.Sleep(time.Millisecond)
			}
			if !gone() {
				pids = nil
			}
			s.kills += s.kill() // it, or the one that has replaced it, for which clients may wait
		})
		return pids != nil
	}
}

// beginning has the supervisor die as it begins with what prepare left.
func beginning(prepare func(*crashTest, *testing.T)) func(*crashTest, *testing.T, string) bool {
	return func(s *crashTest, t *testing.T, at string) bool {
		t.Helper()
		prepare(s, t)
		return s.diesAtOnce(t, at)
	}
}

// damage leaves a database in which all can be read and something is wrong: the
// older of its two heads.
func (s *crashTest) damage(t *testing.T) {
	t.Helper()
	s.kills += s.kill()
	const txid = 16 + 48 // in a head
	path := filepath.Join(s.state(), "tasks.db")
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	older, second := 0, os.Getpagesize()
	if binary.NativeEndian.Uint64(b[txid:]) > binary.NativeEndian.Uint64(b[second+txid:]) {
		older = second
	}
	b[older+txid]++
	if err := os.WriteFile(path, b, 0o600); err != nil {
		t.Fatal(err)
	}
}

// leaveUnknown leaves processes that were never recorded.
func (s *crashTest) leaveUnknown(t *testing.T) {
	t.Helper()
	amid()(s, t, fmt.Sprintf("forked:%d", 1+s.rand.IntN(8)))
}

// leaveRunning leaves what runs.
func (s *crashTest) leaveRunning(t *testing.T) {
	t.Helper()
	s.burst(t, func() { s.killSoon(t) })
}

func (s *crashTest) state() string { return strings.TrimSuffix(s.socket, ".sock") + ".state" }

// command runs the program with the failpoint at, if any.
func (s *crashTest) command(t *testing.T, at string, args ...string) ([]byte, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	cmd := exec.CommandContext(ctx, s.program, append([]string{"-s", s.socket}, args...)...)
	cmd.Env = append(os.Environ(), failpoint.Variable+"="+at)
	out, err := cmd.CombinedOutput()
	if ctx.Err() != nil {
		t.Errorf("%q does not return", args)
	}
	return out, err
}

// plain starts a supervisor without a failpoint.
func (s *crashTest) plain(t *testing.T) {
	t.Helper()
	if out, err := s.command(t, "", "serve"); err != nil {
		t.Fatalf("serve: %v\n%s", err, out)
	}
}

// diesAtOnce starts a supervisor that may die before it answers.
func (s *crashTest) diesAtOnce(t *testing.T, at string) bool {
	t.Helper()
	out, err := s.command(t, at, "serve")
	if err != nil && !strings.Contains(string(out), "signal: killed") {
		t.Errorf("serve at %s: %v\n%s", at, err, out)
	}
	return err != nil
}
