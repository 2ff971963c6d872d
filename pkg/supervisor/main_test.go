package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"syscall"
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
		defer synctest.Wait()
		defer s.Close(t.Context())
		f(t, s)
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
		defer synctest.Wait()
		defer s.Close(t.Context())
		f(t, s, fake)
	})
}

// checking is faked with scripted checks; none may be open in the end.
func checking(t *testing.T, o supervisor.Options, f func(*testing.T, *supervisor.Supervisor, *enginetest.Fake, *enginetest.FakeChecker)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		fake, checker := enginetest.NewFake(), enginetest.NewFakeChecker()
		o.Commands, o.Checker = fake, checker
		s := supervisor.New(o)
		defer func() {
			s.Close(t.Context())
			synctest.Wait()
			if open, going := checker.Left(); open != 0 || going != 0 {
				t.Errorf("%d checks are open, %d still run", open, going)
			}
		}()
		f(t, s, fake, checker)
	})
}

func web(change ...func(*task.Spec)) task.Spec {
	s := task.Spec{Name: "web", Command: []string{"web"}}
	for _, c := range change {
		c(&s)
	}
	return s
}

// job is a command of that name.
func job(name string, change ...func(*task.Spec)) task.Spec {
	s := task.Spec{Name: name, Command: []string{name}}
	for _, c := range change {
		c(&s)
	}
	return s
}

func in(group string) func(*task.Spec) { return func(s *task.Spec) { s.Group = group } }

func after(names ...string) func(*task.Spec) { return func(s *task.Spec) { s.After = names } }

func afterEnded(names ...string) func(*task.Spec) {
	return func(s *task.Spec) { s.AfterEnded = names }
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

// startTask starts a command that does not run yet.
func startTask(t *testing.T, s *supervisor.Supervisor, spec task.Spec) task.Info {
	t.Helper()
	got, err := s.Start(t.Context(), spec)
	if err != nil || got.State != task.Waiting && got.State != task.Queued {
		t.Fatalf("Start %s: %s, %v", spec.Name, got.State, err)
	}
	return got
}

// setSlots gives a group that many slots; negative: no limit.
func setSlots(t *testing.T, s *supervisor.Supervisor, group string, n int) {
	t.Helper()
	_, err := s.ChangeGroup(group, func(g *task.Group) {
		if g.Slots = nil; n >= 0 {
			g.Slots = new(n)
		}
	})
	if err != nil {
		t.Fatalf("ChangeGroup %s: %v", group, err)
	}
}

// next waits until all is quiet, and returns the next run that has started.
func next(t *testing.T, f *enginetest.Fake) *enginetest.FakeRun {
	t.Helper()
	synctest.Wait()
	if f.Idle() {
		t.Fatal("nothing has begun")
	}
	return f.Next(t)
}

// quiet fails the test if a run has begun that no Next has returned.
func quiet(t *testing.T, f *enginetest.Fake) {
	t.Helper()
	if synctest.Wait(); !f.Idle() {
		t.Fatalf("%s has begun", f.Next(t).Launch.Spec.Name)
	}
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
	groups  map[string]task.Group
	removed map[string]task.Removed
	changes map[string]task.Change
	fail    func(*task.Record) error // nil for a Delete and for groups
	saves   int
}

func newMemory() *memory { return &memory{records: make(map[string]task.Record)} }

var errDisk error = syscall.ENOSPC

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

func (m *memory) SaveGroup(g task.Group) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		if err := m.fail(nil); err != nil {
			return err
		}
	}
	if m.groups == nil {
		m.groups = make(map[string]task.Group)
	}
	m.groups[g.Name] = g
	return nil
}

func (m *memory) DeleteGroup(name string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		if err := m.fail(nil); err != nil {
			return err
		}
	}
	delete(m.groups, name)
	return nil
}

func (m *memory) Delete(name string, removed task.Removed) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		if err := m.fail(nil); err != nil {
			return err
		}
	}
	delete(m.records, name)
	if m.removed == nil {
		m.removed = make(map[string]task.Removed)
	}
	m.removed[name] = removed
	return nil
}

func (m *memory) SaveChange(c task.Change) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail != nil {
		if err := m.fail(nil); err != nil {
			return err
		}
	}
	if m.changes == nil {
		m.changes = make(map[string]task.Change)
	}
	m.changes[c.File] = c
	return nil
}

func (m *memory) DeleteChange(file string) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.changes, file)
	return nil
}

func (m *memory) allChanges() []task.Change {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.SortedFunc(maps.Values(m.changes), func(a, b task.Change) int { return strings.Compare(a.File, b.File) })
}

func (m *memory) Removed(name string) task.Time {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.removed[name].At
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

// restore has the store as it was.
func (m *memory) restore(records []task.Record) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.records = make(map[string]task.Record)
	for _, r := range records {
		m.records[r.Spec.Name] = r
	}
}

func (m *memory) allGroups() []task.Group {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Collect(maps.Values(m.groups))
}

func names(infos []task.Info) string {
	var b strings.Builder
	for _, i := range infos {
		fmt.Fprintf(&b, "%s:%s ", i.Name, i.State)
	}
	return strings.TrimSpace(b.String())
}

func copies(shared []*task.Info) []task.Info {
	var infos []task.Info
	for _, info := range shared {
		infos = append(infos, *info)
	}
	return infos
}
