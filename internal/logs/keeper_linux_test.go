package logs

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tasks/pkg/task"
)

// newTestKeeper is a Keeper, and what it says.
func newTestKeeper(t testing.TB, dir string, limits Limits) (*Keeper, *said) {
	t.Helper()
	words := new(said)
	k := NewKeeper(Dir(dir), limits, slog.New(slog.NewTextHandler(words, nil)), nil, nil)
	t.Cleanup(func() { k.Close() })
	return k, words
}

type said struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *said) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}

func (s *said) String() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.String()
}

func openLog(t testing.TB, k *Keeper, spec task.Spec, run int) *os.File {
	t.Helper()
	f, err := k.Create(spec.Name, run)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { f.Close() })
	k.Watch(&spec, run)
	return f
}

// until waits for what the keeper does beside.
func until(t testing.TB, k *Keeper, what string, is func() bool) {
	t.Helper()
	for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
		k.mu.Lock()
		ok := is()
		k.mu.Unlock()
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within a minute: %s", what)
		}
	}
}

// quiet waits until no log must be looked at.
func quiet(t testing.TB, k *Keeper) {
	t.Helper()
	until(t, k, "quiet", func() bool {
		for _, l := range k.logs {
			if k.bounds(l) && l.watch == 0 { // it is being looked at
				return false
			}
		}
		return len(k.due) == 0 && !k.summing && !k.sumDue
	})
}

// ends ends a run and waits for the last look at its log.
func ends(t testing.TB, k *Keeper, name string, run int) {
	t.Helper()
	k.Done(name, run)
	until(t, k, "done", func() bool { return k.logs[key{name, run}] == nil })
}

func onDisk(t testing.TB, path string) int64 {
	t.Helper()
	info, err := statLog(path)
	if err != nil {
		t.Fatal(err)
	}
	return info.disk
}

// A log that nobody writes to costs nothing, and thousands of them cost no more.
func TestKeeperQuiet(t *testing.T) { // not parallel: it counts
	const many = 5000
	runtime.GC()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	instances0, goroutines := instances(t), runtime.NumGoroutine()
	k, words := newTestKeeper(t, t.TempDir(), Limits{MaxSize: 1 << 20})
	var last *os.File
	began := time.Now()
	for i := range many {
		f, err := k.Create("web", i+1)
		if err != nil {
			t.Fatal(err)
		}
		k.Watch(&task.Spec{Name: "web"}, i+1)
		if i < many-1 {
			f.Close()
		}
		last = f
	}
	defer last.Close()
	lasted := time.Since(began)
	runtime.GC()
	runtime.ReadMemStats(&after)
	each := (int64(after.HeapAlloc) - int64(before.HeapAlloc)) / many
	t.Logf("%v and %d bytes for each of %d logs", lasted/many, each, many)
	if each > 1024 {
		t.Errorf("%d bytes for each log", each)
	}
	if n := instances(t) - instances0; n != 1 {
		t.Errorf("%d inotify instances", n)
	}
	if n := runtime.NumGoroutine() - goroutines; n > 1 {
		t.Errorf("%d goroutines", n)
	}
	k.mu.Lock()
	if len(k.due) > 0 || k.looks.Load() > 0 || len(k.watched) != many {
		t.Errorf("%d are due, %d looks, %d watched", len(k.due), k.looks.Load(), len(k.watched))
	}
	k.mu.Unlock()

	write(t, last, "a line\n")
	until(t, k, "a look", func() bool { return k.looks.Load() > 0 })
	quiet(t, k)
	if n := k.looks.Load(); n > 2 || len(k.watched) != many {
		t.Errorf("%d looks for one line, %d watched", n, len(k.watched))
	}
	for i := range many {
		k.Done("web", i+1)
	}
	until(t, k, "all done", func() bool { return len(k.logs) == 0 && len(k.due) == 0 && len(k.watched) == 0 })
	if words.String() != "" {
		t.Error(words)
	}
}

// Events were lost: all are looked at.
func TestKeeperLostEvents(t *testing.T) {
	t.Parallel()
	k, _ := newTestKeeper(t, t.TempDir(), Limits{MaxSize: 1 << 20})
	for i := range 5 {
		openLog(t, k, task.Spec{Name: fmt.Sprintf("web-%d", i)}, 1)
	}
	k.written(nil, true)
	quiet(t, k)
	if n := k.looks.Load(); n != 5 || len(k.watched) != 5 {
		t.Errorf("%d looks, %d watched", n, len(k.watched))
	}
}

func TestKeeperTakenBack(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	w := newLog(t, Dir(dir), "web")
	text := numbered(200_000)
	write(t, w, string(text))
	k, _ := newTestKeeper(t, dir, Limits{MaxSize: 1 << 20})
	k.Watch(&task.Spec{Name: "web"}, 1)
	quiet(t, k)
	if n := onDisk(t, w.Name()); n > 1<<20 || n < 700<<10 {
		t.Errorf("%d bytes on disk", n)
	}
	write(t, w, string(text)) // it writes on
	until(t, k, "trimmed again", func() bool { return onDisk(t, w.Name()) <= 1<<20 })
	var b bytes.Buffer
	if _, err := Copy(&b, open(t, w.Name()), 0); err != nil || !bytes.HasSuffix(text, b.Bytes()) || b.Len() == 0 {
		t.Errorf("%d bytes, %v", b.Len(), err)
	}
	// Emptied by its user, it is bounded as ever.
	if err := os.Truncate(w.Name(), 0); err != nil {
		t.Fatal(err)
	}
	write(t, w, string(text))
	ends(t, k, "web", 1)
	if n := onDisk(t, w.Name()); n > 1<<20 {
		t.Errorf("%d bytes on disk after it was emptied", n)
	}
}

func TestKeeperLimitsOfTheTask(t *testing.T) {
	t.Parallel()
	k, _ := newTestKeeper(t, t.TempDir(), Limits{MaxSize: 1 << 20, Keep: 2})
	text := string(numbered(100_000))
	for _, c := range []struct {
		name string
		spec task.Spec
		most int64
		runs []int
	}{
		{"default", task.Spec{}, 1 << 20, []int{3, 4}},
		{"less", task.Spec{LogMaxSize: new(task.Size(64 << 10)), LogKeep: new(1)}, 64 << 10, []int{4}},
		{"more", task.Spec{LogMaxSize: new(task.Size(2 << 20)), LogKeep: new(3)}, 2 << 20, []int{2, 3, 4}},
		{"none", task.Spec{LogMaxSize: new(task.Size(0)), LogKeep: new(0)}, 0, []int{1, 2, 3, 4}},
		{"byte", task.Spec{LogMaxSize: new(task.Size(1))}, page, []int{3, 4}},
	} {
		c.spec.Name = c.name
		for run := 1; run <= 4; run++ {
			f := openLog(t, k, c.spec, run)
			write(t, f, text)
			f.Close()
			ends(t, k, c.name, run)
		}
		wantRuns(t, k.dir, c.name, c.runs...)
		n := onDisk(t, k.Path(c.name, 4))
		if c.most > 0 && n > c.most || c.most == 0 && n < int64(len(text)) {
			t.Errorf("%s: %d bytes on disk", c.name, n)
		}
	}
}

// If logs cannot be trimmed, a warning says so once, and they stay whole.
func TestKeeperNoHoles(t *testing.T) {
	t.Parallel()
	k, words := newTestKeeper(t, t.TempDir(), Limits{MaxSize: 64 << 10, Keep: 2})
	k.punch = func(string, fileID, int64) error { return errNoHoles }
	text := string(numbered(20_000))
	for run := 1; run <= 3; run++ {
		f := openLog(t, k, task.Spec{Name: "web"}, run)
		write(t, f, text)
		until(t, k, "a look", func() bool { return k.logs[key{"web", run}].max == 0 })
		write(t, f, text)
		f.Close()
		ends(t, k, "web", run)
		if b, err := os.ReadFile(f.Name()); err != nil || string(b) != text+text {
			t.Errorf("%d bytes, %v", len(b), err)
		}
	}
	wantRuns(t, k.dir, "web", 2, 3)
	if n := strings.Count(words.String(), "level=WARN"); n != 1 || !strings.Contains(words.String(), "the file system has no holes") {
		t.Errorf("said %d times: %s", n, words)
	}
}

func TestKeeperTrouble(t *testing.T) {
	t.Parallel()
	k, words := newTestKeeper(t, t.TempDir(), Limits{MaxSize: 64 << 10})
	broken := true
	k.punch = func(path string, id fileID, end int64) error {
		k.mu.Lock()
		defer k.mu.Unlock()
		if broken {
			return errors.New("no way")
		}
		return punch(path, id, end)
	}
	k.mu.Lock()
	k.notes.err = unix.EMFILE // no inotify
	k.mu.Unlock()
	f := openLog(t, k, task.Spec{Name: "web"}, 1)
	write(t, f, string(numbered(20_000)))
	until(t, k, "a warning", func() bool { return strings.Contains(words.String(), "no way") })
	k.mu.Lock()
	broken = false
	k.mu.Unlock()
	until(t, k, "trimmed", func() bool { return onDisk(t, f.Name()) <= 64<<10 })
	if n := strings.Count(words.String(), "level=WARN"); n != 2 || !strings.Contains(words.String(), "looking at them every second") {
		t.Errorf("said %d times: %s", n, words)
	}
	if err := os.Remove(f.Name()); err != nil {
		t.Fatal(err)
	}
	until(t, k, "forgotten", func() bool { return len(k.logs) == 0 })
}

// Logs that cannot be looked at are not taken for none: the total says that it may not hold.
func TestKeeperTotalOfWhatCannotBeRead(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "logs")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	k, words := newTestKeeper(t, dir, Limits{Total: 8 << 20})
	k.Ready()
	until(t, k, "a warning", func() bool {
		return strings.Contains(words.String(), "their total may be exceeded: cannot list logs: ")
	})
}

// Above the total the oldest logs of ended runs go, then the heads of the
// largest that are written to.
func TestKeeperTotal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	k, words := newTestKeeper(t, dir, Limits{Total: 8 << 20})
	mib := strings.Repeat(strings.Repeat("x", 63)+"\n", 1<<14)
	old := time.Now().Add(-time.Hour)
	for i := range 6 {
		w := newLog(t, k.dir, fmt.Sprintf("old-%d", i))
		write(t, w, mib)
		w.Close()
		if err := os.Chtimes(w.Name(), old, old.Add(time.Duration(i)*time.Minute)); err != nil {
			t.Fatal(err)
		}
	}
	small := openLog(t, k, task.Spec{Name: "small"}, 1)
	write(t, small, mib)
	k.Ready()
	quiet(t, k)
	if words.String() != "" {
		t.Error(words)
	}
	big := openLog(t, k, task.Spec{Name: "big"}, 1)
	write(t, big, mib+mib)
	until(t, k, "two gone", func() bool {
		names, _ := k.dir.Names()
		runs, _ := k.dir.Runs("old-1")
		return len(names) == 8 && len(runs) == 0
	})
	wantRuns(t, k.dir, "old-0")
	wantRuns(t, k.dir, "old-2", 1)
	for range 8 {
		write(t, big, mib)
	}
	sum := func() (n int64) {
		filepath.Walk(dir, func(path string, info os.FileInfo, err error) error {
			if err == nil && info.Mode().IsRegular() {
				n += onDisk(t, path)
			}
			return nil
		})
		return n
	}
	until(t, k, "below the total", func() bool { return sum() <= 8<<20 })
	quiet(t, k)
	for i := range 6 {
		wantRuns(t, k.dir, fmt.Sprintf("old-%d", i))
	}
	if n := onDisk(t, small.Name()); n != 1<<20 {
		t.Errorf("%d bytes of the small one", n)
	}
	if n := onDisk(t, big.Name()); n < 4<<20 {
		t.Errorf("%d bytes of the big one", n)
	}
}

func TestKeeperRemove(t *testing.T) {
	t.Parallel()
	k, _ := newTestKeeper(t, t.TempDir(), Limits{MaxSize: 64 << 10, Keep: 2})
	if f, err := k.Create("../x", 1); err == nil || len(k.logs) > 0 {
		t.Errorf("created %v, %v", f, k.logs)
	}
	k.Watch(&task.Spec{Name: "../x"}, 1)
	k.Done("web", 7)

	// What a run was to leave behind may write on; a new run of the task does
	// not end that, a removal does.
	left := openLog(t, k, task.Spec{Name: "web", LeaveChildren: true}, 1)
	k.Done("web", 1)
	next := openLog(t, k, task.Spec{Name: "web"}, 2)
	write(t, left, string(numbered(20_000)))
	until(t, k, "trimmed", func() bool { return onDisk(t, left.Name()) <= 64<<10 })
	k.Done("web", 2)
	if err := k.Remove("web"); err != nil {
		t.Fatal(err)
	}
	again := openLog(t, k, task.Spec{Name: "web"}, 2) // before the last look at the one removed
	write(t, next, "gone\n")
	write(t, again, string(numbered(20_000)))
	until(t, k, "trimmed", func() bool { return onDisk(t, again.Name()) <= 64<<10 })
	again.Close()
	if k.left != 0 || len(k.logs) != 1 {
		t.Errorf("%d left, %d logs", k.left, len(k.logs))
	}
	// Of the oldest that may be written to, none is kept in mind.
	for run := 3; run <= 9; run++ {
		openLog(t, k, task.Spec{Name: "web", LeaveChildren: true}, run).Close()
		k.Done("web", run)
	}
	until(t, k, "two known", func() bool { return len(k.logs) == 2 && k.left == 2 })
}

func BenchmarkKeeperCreate(b *testing.B) {
	k, _ := newTestKeeper(b, b.TempDir(), Limits{MaxSize: DefaultMaxSize, Keep: DefaultKeep, Total: DefaultTotal})
	k.Ready()
	spec := &task.Spec{Name: "web"}
	for run := 1; b.Loop(); run++ {
		f, err := k.Create("web", run)
		if err != nil {
			b.Fatal(err)
		}
		k.Watch(spec, run)
		f.Close()
		k.Done("web", run)
	}
}
