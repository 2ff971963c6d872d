package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// bubble runs f with a supervisor in fake time. What f leaves running is
// stopped; a goroutine that outlives that fails the test.
func bubble(t *testing.T, o supervisor.Options, f func(*testing.T, *supervisor.Supervisor)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := supervisor.New(o)
		f(t, s)
		s.Close(t.Context())
		synctest.Wait()
	})
}

// faked is bubble with a fake engine for commands.
func faked(t *testing.T, o supervisor.Options, f func(*testing.T, *supervisor.Supervisor, *enginetest.Fake)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake := enginetest.NewFake()
		o.Commands = fake
		s := supervisor.New(o)
		f(t, s, fake)
		s.Close(t.Context())
		synctest.Wait()
	})
}

func web(change ...func(*task.Spec)) task.Spec {
	s := task.Spec{Name: "web", Command: []string{"web"}}
	for _, c := range change {
		c(&s)
	}
	return s
}

func restarts(r task.Restart) func(*task.Spec) { return func(s *task.Spec) { s.Restart = r } }

func untilStop(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// start starts a command and returns its run.
func start(t *testing.T, s *supervisor.Supervisor, f *enginetest.Fake, spec task.Spec) *enginetest.FakeRun {
	t.Helper()
	if _, err := s.Start(t.Context(), spec); err != nil {
		t.Fatalf("Start %s: %v", spec.Name, err)
	}
	return f.Next(t)
}

func info(t *testing.T, s *supervisor.Supervisor, name string) task.Info {
	t.Helper()
	synctest.Wait()
	got, err := s.Info(name)
	if err != nil {
		t.Fatalf("Info %s: %v", name, err)
	}
	return got
}

// expect compares the state and the reason that a task has once all is quiet.
func expect(t *testing.T, s *supervisor.Supervisor, name string, state task.State, reason string) task.Info {
	t.Helper()
	got := info(t, s, name)
	if got.State != state || got.Reason != reason {
		t.Errorf("%s is %s, %q; want %s, %q", name, got.State, got.Reason, state, reason)
	}
	return got
}

func expectError(t *testing.T, err, kind error, text string) {
	t.Helper()
	if !errors.Is(err, kind) || err == nil || !strings.Contains(err.Error(), text) {
		t.Errorf("error = %v; want %v with %q", err, kind, text)
	}
}

func answered(c *supervisor.Call) bool {
	ctx, cancel := context.WithCancelCause(context.Background())
	late := errors.New("late")
	cancel(late)
	_, err := c.Wait(ctx)
	return err != late
}

func within(t *testing.T, what string, got, lo, hi time.Duration) {
	t.Helper()
	if got < lo || got > hi {
		t.Errorf("%s = %s; want %s to %s", what, got, lo, hi)
	}
}

// memory is a Store that forgets all when the test ends.
type memory struct {
	mu      sync.Mutex
	records map[string]task.Record
	fail    func(*task.Record) error // nil for a Delete
	saves   int
}

func newMemory() *memory { return &memory{records: make(map[string]task.Record)} }

var errDisk = errors.New("no space left on device")

func (m *memory) failing(fail func(*task.Record) error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = fail
}

func (m *memory) Save(r task.Record) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.saves++
	if m.fail != nil {
		if err := m.fail(&r); err != nil {
			return err
		}
	}
	m.records[r.Spec.Name] = r
	return nil
}

func (m *memory) Delete(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		if err := m.fail(nil); err != nil {
			return err
		}
	}
	delete(m.records, name)
	return nil
}

func (m *memory) record(name string) task.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.records[name]
}

func (m *memory) count() int {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.saves
}

func (m *memory) all() []task.Record {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Values(m.records), func(a, b task.Record) int {
		return strings.Compare(a.Spec.Name, b.Spec.Name)
	})
}

func names(infos []task.Info) string {
	var b strings.Builder
	for _, i := range infos {
		fmt.Fprintf(&b, "%s:%s ", i.Name, i.State)
	}
	return strings.TrimSpace(b.String())
}
