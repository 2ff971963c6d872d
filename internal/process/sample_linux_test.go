package process

import (
	"math"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// lookAgain has the next sample see what has begun by now.
func lookAgain() {
	shared.tree.now.mu.Lock()
	defer shared.tree.now.mu.Unlock()
	shared.tree.now.at = time.Time{}
}

func TestAdoptedSample(t *testing.T) {
	t.Parallel()
	s := one(t, `sleep 1000 & echo up; wait`).adopt(t)
	s.line(t, "up")
	lookAgain()
	st, err := s.Process.(engine.Sampler).Sample()
	if err != nil || st.Processes != 2 || st.MemoryBytes < 100<<10 {
		t.Errorf("%+v, %v", st, err)
	}
}

// Its age counts from the process's start, not from when it was taken back.
func TestAdoptedAge(t *testing.T) {
	t.Parallel()
	before := ticks()
	o := one(t, "exec sleep 1000")
	born := startOf(o.ref.PID)
	for ticks() < born+3 {
		time.Sleep(tick)
	}
	s := o.adopt(t)
	age := s.Process.(engine.Aged).Age()
	if most := time.Duration(ticks()-before) * tick; age < 3*tick || age > most {
		t.Errorf("%v, and was begun at most %v ago", age, most)
	}
}

// A run is never seen to use more than it can have: not a moment after its start
// either, when a tick of the clock is longer than it has been there.
func TestSampleAtTheStart(t *testing.T) {
	t.Parallel()
	for range 20 {
		s := start(t, task.Spec{Command: []string{"sh", "-c", "while :; do :; done"}})
		for range 3 {
			st, err := s.Process.(engine.Sampler).Sample()
			if err != nil || st.CPUPercent < 0 || st.CPUPercent > 101 { // the clocks of both may differ by a little
				t.Errorf("%+v, %v", st, err)
			}
		}
		s.Stop(syscall.SIGKILL)
		s.wait(t)
	}
}

// What processes have used that were begun and waited for between two samples counts.
func TestSampleOfTheBrief(t *testing.T) {
	t.Parallel()
	s := start(t, sh(`while :; do sh -c 'i=0; while [ $i -lt 20000 ]; do i=$((i+1)); done'; done`))
	sampler := s.Process.(engine.Sampler)
	if _, err := sampler.Sample(); err != nil {
		t.Fatal(err)
	}
	var st task.Stats
	for end := time.Now().Add(enginetest.Timeout); st.CPUPercent <= 1; time.Sleep(sampleAge) {
		var err error
		if st, err = sampler.Sample(); err != nil || st.CPUPercent > 100*float64(runtime.NumCPU()) {
			t.Fatalf("%+v, %v", st, err)
		}
		if time.Now().After(end) {
			t.Fatalf("busy: %+v", st)
		}
	}
}

func TestPercentSince(t *testing.T) {
	t.Parallel()
	const ms = time.Millisecond
	begun := time.Now()
	type own = map[proc]time.Duration
	at := func(from, to, total time.Duration, own own) usage {
		return usage{begun.Add(from), begun.Add(to), total, own}
	}
	a, b, c := proc{1, 1}, proc{2, 1}, proc{2, 9}
	start := usage{from: begun}
	for _, tt := range []struct {
		what    string
		last, u usage
		want    float64
	}{
		{"nothing used since the start", start, at(5*ms, 6*ms, 0, own{a: 0}), 0},
		{"all the time since the start", start, at(5*ms, 6*ms, 6*ms, own{a: 6 * ms}), 100},
		{"two at a time since the start", start, at(5*ms, 6*ms, 12*ms, own{a: 6 * ms, b: 6 * ms}), 200},
		{"reading took long", start, at(5*ms, 20*ms, 20*ms, own{a: 20 * ms}), 100},
		{"at once", start, at(0, 0, 1, own{a: 1}), 0.1},
		{"half the time", at(0, 10*ms, 50*ms, own{a: 50 * ms}), at(190*ms, 200*ms, 150*ms, own{a: 150 * ms}), 50},
		{"one that began meanwhile", at(0, 0, 50*ms, own{a: 50 * ms}), at(100*ms, 100*ms, 80*ms, own{a: 50 * ms, b: 30 * ms}), 30},
		{"one that was waited for", at(0, 0, 50*ms, own{a: 10 * ms, b: 40 * ms}), at(100*ms, 100*ms, 70*ms, own{a: 10 * ms}), 20},
		{"one that nobody waited for", at(0, 0, 5000*ms, own{a: 0, b: 5000 * ms}), at(100*ms, 100*ms, 40*ms, own{a: 40 * ms}), 40},
		{"all that there was is gone", at(0, 0, 50*ms, own{a: 10 * ms, b: 40 * ms}), at(100*ms, 100*ms, 0, own{}), 0},
		{"another with its pid", at(0, 0, 50*ms, own{b: 50 * ms}), at(100*ms, 100*ms, 10*ms, own{c: 10 * ms}), 10},
		{"more than there are processors", at(0, 0, 0, nil), at(100*ms, 100*ms, 420*ms, own{a: 420 * ms}), 400},
		{"a clock that stands", at(0, 0, 0, nil), at(0, 0, 10*ms, own{a: 10 * ms}), 400},
	} {
		if got := tt.u.percentSince(tt.last, 4); math.Abs(got-tt.want) > 1e-9 {
			t.Errorf("%s: %v, want %v", tt.what, got, tt.want)
		}
	}
}

// A process may have an argv of megabytes: of that the beginning is shown.
func TestTreeOfALongCommand(t *testing.T) {
	t.Parallel()
	for _, more := range []string{"", "x", "xx", "xxx"} { // the cut is amid a character
		s := start(t, task.Spec{Command: append([]string{"sh", "-c", "echo up; sleep 1000", more}, slices.Repeat([]string{"€", strings.Repeat("€", 20<<10)}, 10)...)})
		s.line(t, "up")
		lookAgain()
		tree, err := s.Process.(engine.Tree).Tree()
		if err != nil || len(tree) == 0 {
			t.Fatalf("%+v, %v", tree, err)
		}
		argv := strings.Join(tree[0].Command, " ")
		if len(argv) < maxShown-3 || len(argv) > maxShown+len("…") || !strings.HasSuffix(argv, "€…") || strings.Contains(argv, "\ufffd") {
			t.Errorf("%d bytes, %q", len(argv), argv[max(len(argv)-20, 0):])
		}
		s.Stop(syscall.SIGKILL)
		s.wait(t)
	}
}
