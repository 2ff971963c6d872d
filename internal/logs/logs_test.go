package logs

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tasks/internal/room"
	"tasks/pkg/task"
)

func TestBadNames(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	outside := filepath.Join(parent, "outside")
	if err := os.Mkdir(outside, 0o700); err != nil {
		t.Fatal(err)
	}
	witness := filepath.Join(outside, "1.log")
	if err := os.WriteFile(witness, []byte("kept"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := Dir(filepath.Join(parent, "logs"))
	for _, name := range []string{
		"", ".", "..", "../outside", "a/../../outside", "/etc", outside, "a/b", "a\x00b", "-rf", ".hidden", "a b",
		"all", "é", strings.Repeat("a", task.MaxName+1),
	} {
		if p := d.Path(name, 1); p != "" {
			t.Errorf("Path(%q) = %q", name, p)
		}
		if f, err := d.Create(name, 1); !errors.Is(err, task.ErrUsage) {
			t.Errorf("Create(%q) = %v, %v", name, f, err)
		}
		if err := d.Prune(name, 2, 1); !errors.Is(err, task.ErrUsage) {
			t.Errorf("Prune(%q): %v", name, err)
		}
		if runs, err := d.Runs(name); !errors.Is(err, task.ErrUsage) {
			t.Errorf("Runs(%q) = %v, %v", name, runs, err)
		}
		if err := d.Remove(name); !errors.Is(err, task.ErrUsage) {
			t.Errorf("Remove(%q): %v", name, err)
		}
	}
	if f, err := d.Create("web", 0); err == nil || d.Path("web", 0) != "" {
		t.Errorf("run 0 has a log: %v", f)
	}
	if b, err := os.ReadFile(witness); string(b) != "kept" {
		t.Errorf("the file outside is now %q, %v", b, err)
	}
	if _, err := os.Stat(string(d)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("bad names made the directory: %v", err)
	}
}

func create(t testing.TB, d Dir, name string, runs ...int) {
	t.Helper()
	for _, run := range runs {
		f, err := d.Create(name, run)
		if err != nil {
			t.Fatal(err)
		}
		if err := f.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

func wantRuns(t *testing.T, d Dir, name string, want ...int) {
	t.Helper()
	if got, err := d.Runs(name); err != nil || !slices.Equal(got, want) {
		t.Errorf("Runs(%s) = %v, %v, want %v", name, got, err, want)
	}
}

func TestDir(t *testing.T) {
	t.Parallel()
	d := Dir(filepath.Join(t.TempDir(), "state", "logs"))
	wantRuns(t, d, "web")
	if names, err := d.Names(); names != nil || err != nil {
		t.Errorf("Names of nothing: %v, %v", names, err)
	}
	if err := d.Remove("web"); err != nil {
		t.Errorf("Remove of nothing: %v", err)
	}

	create(t, d, "web", 1, 2, 10, 9)
	create(t, d, "db@1", 1)
	for _, alien := range []string{"web/x.log", "web/03.log", "web/0.log", "web/4.txt", "web/-5.log", "web/+6.log", ".alien"} {
		if err := os.WriteFile(filepath.Join(string(d), alien), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	wantRuns(t, d, "web", 1, 2, 9, 10)
	if names, err := d.Names(); err != nil || !slices.Equal(names, []string{"db@1", "web"}) {
		t.Errorf("Names = %v, %v", names, err)
	}
	if err := d.Remove("web"); err != nil {
		t.Fatal(err)
	}
	wantRuns(t, d, "web")
	wantRuns(t, d, "db@1", 1)
}

// A new log starts empty, even if a removed task or an unrecorded run has left output
// under its name.
func TestCreateBeginsEmpty(t *testing.T) {
	t.Parallel()
	d := Dir(t.TempDir())
	write := func(run int, text string) *os.File {
		t.Helper()
		f, err := d.Create("web", run)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { f.Close() })
		if _, err := f.WriteString(text); err != nil {
			t.Fatal(err)
		}
		return f
	}
	write(1, "one\n")
	write(2, "two\n")
	old := write(3, "unrecorded\n")
	write(4, "unrecorded\n")
	write(3, "three\n")
	if _, err := old.WriteString("and on\n"); err != nil {
		t.Fatal(err)
	}
	wantRuns(t, d, "web", 1, 2, 3)
	for run, want := range map[int]string{1: "one\n", 2: "two\n", 3: "three\n"} {
		if b, err := os.ReadFile(d.Path("web", run)); err != nil || string(b) != want {
			t.Errorf("the log of run %d holds %q, %v", run, b, err)
		}
	}
	write(1, "new\n")
	wantRuns(t, d, "web", 1)
	if err := os.Remove(d.Path("web", 1)); err != nil {
		t.Fatal(err)
	}
	write(5, "old\n")
	write(1, "new\n")
	wantRuns(t, d, "web", 1)
}

func TestPrune(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		about        string
		runs         []int
		newest, keep int
		want         []int
	}{
		{"nothing yet", nil, 1, 10, nil},
		{"fewer than kept", []int{1, 2, 3}, 3, 10, []int{1, 2, 3}},
		{"as many as kept", []int{1, 2, 3}, 3, 3, []int{1, 2, 3}},
		{"one more", []int{1, 2, 3, 4}, 4, 3, []int{2, 3, 4}},
		{"fewer to keep than before, with a gap", []int{1, 2, 4, 5, 7, 8}, 8, 3, []int{7, 8}},
		{"only the newest", []int{7, 8}, 8, 1, []int{8}},
		{"none to keep is no limit", []int{1, 2}, 2, 0, []int{1, 2}},
	} {
		t.Run(c.about, func(t *testing.T) {
			t.Parallel()
			d := Dir(t.TempDir())
			create(t, d, "web", c.runs...)
			if err := d.Prune("web", c.newest, c.keep); err != nil {
				t.Fatal(err)
			}
			wantRuns(t, d, "web", c.want...)
		})
	}
}

// Not parallel: the umask is the process's.
func TestUmask(t *testing.T) {
	dir := t.TempDir()
	defer syscall.Umask(syscall.Umask(0o022))
	for _, mask := range []int{0o777, 0o077, 0} {
		syscall.Umask(mask)
		path := filepath.Join(dir, fmt.Sprintf("umask%o", mask), "logs")
		f, err := Dir(path).Create("web", 1)
		if err != nil {
			t.Fatalf("umask %o: %v", mask, err)
		}
		f.Close()
		for p, want := range map[string]fs.FileMode{
			filepath.Dir(path):  fs.ModeDir | 0o700,
			path:                fs.ModeDir | 0o700,
			path + "/web":       fs.ModeDir | 0o700,
			path + "/web/1.log": 0o600,
		} {
			if info, err := os.Stat(p); err != nil || info.Mode() != want {
				t.Errorf("umask %o: mode of %s: %v, %v", mask, p, info.Mode(), err)
			}
		}
	}
}

func BenchmarkCreate(b *testing.B) {
	d := Dir(b.TempDir())
	create(b, d, "web", 1)
	for run := 2; b.Loop(); run++ {
		f, err := d.Create("web", run)
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
	}
}

func BenchmarkCreatePrune(b *testing.B) {
	d := Dir(b.TempDir())
	create(b, d, "web", 1)
	for run := 2; b.Loop(); run++ {
		f, err := d.Create("web", run)
		if err != nil {
			b.Fatal(err)
		}
		f.Close()
		if err := d.Prune("web", run, 10); err != nil {
			b.Fatal(err)
		}
	}
}

// A directory that cannot be written is a reason to wait; what somebody has put in the place of
// one task's logs is not, or it would hold up others.
func TestCreateWhereNothingCanBeMade(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, name := range []string{"logs", "web"} {
		if err := os.WriteFile(filepath.Join(dir, name), nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if _, err := Dir(filepath.Join(dir, "logs")).Create("web", 1); !errors.Is(err, syscall.ENOTDIR) || !room.OutOfResources(err) {
		t.Errorf("no log can be made: %v", err)
	}
	if _, err := Dir(dir).Create("web", 1); !errors.Is(err, syscall.ENOTDIR) || room.OutOfResources(err) {
		t.Errorf("a file in the place of one directory: %v", err)
	}
}
