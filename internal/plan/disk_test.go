package plan

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tasks/pkg/task"
)

func TestLook(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	here, link, other, gone := filepath.Join(dir, "here"), filepath.Join(dir, "link"), filepath.Join(dir, "other"), filepath.Join(dir, "gone")
	for _, path := range []string{here, other} {
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(here, link); err != nil {
		t.Fatal(err)
	}
	seen := NewDisk(os.Stat).Look([]string{here, link, other, gone, here + "/below"})
	for path, want := range map[string]string{here: "true false", link: "true false", other: "false false", gone: "false true", here + "/below": "false true", "not asked": "false false"} {
		if got := fmt.Sprint(seen.Same(here, path), seen.Gone(path)); got != want {
			t.Errorf("%s: %s; want %s", path, got, want)
		}
	}
}

// A path without an answer counts neither as the same nor as gone. It delays a caller by a
// second once, and is not looked up again while the first look-up lasts.
func TestLookWithoutAnAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		asked, answer := new(atomic.Int32), make(chan struct{})
		d := NewDisk(func(path string) (fs.FileInfo, error) {
			if strings.HasPrefix(path, "/dead/") {
				asked.Add(1)
				<-answer
			}
			return nil, fs.ErrNotExist
		})
		for i, want := range []time.Duration{time.Second, 0} {
			began := time.Now()
			seen := d.Look([]string{"/dead/1", "/gone", "/dead/2"})
			if took := time.Since(began); took != want {
				t.Errorf("look %d took %s", i+1, took)
			}
			if seen.Gone("/dead/1") || seen.Same("/dead/1", "/dead/2") || !seen.Gone("/gone") {
				t.Errorf("%v was seen", seen)
			}
		}
		if n := asked.Load(); n != 2 {
			t.Errorf("asked %d times", n)
		}
		var many []string
		for i := range 100 {
			many = append(many, fmt.Sprint("/dead/", i))
		}
		began := time.Now()
		d.Look(many)
		if n, took := asked.Load(), time.Since(began); n != maxLooks || took != lookTimeout {
			t.Errorf("%d looks hang after %s", n, took)
		}
		close(answer)
		synctest.Wait()
		if seen := d.Look(many); !seen.Gone("/dead/1") || !seen.Gone("/dead/99") {
			t.Error("what answers again is not seen")
		}
	})
}

func TestPaths(t *testing.T) {
	t.Parallel()
	there := spec("b")
	there.Cwd = "/there"
	for _, tt := range []struct {
		now  []*task.Info
		want []string
	}{
		{nil, nil},
		{[]*task.Info{is(file, spec("a"), task.Running, 1)}, nil},
		{[]*task.Info{is("/other", spec("a"), task.Running, 1), is("", spec("c"), task.Running, 1)}, []string{"/other", file}},
		{[]*task.Info{is(file, spec("b"), task.Running, 1)}, []string{"/there"}},
	} {
		got := Paths(&task.Change{File: file, Tasks: []task.Spec{spec("a"), there}}, tt.now)
		if slices.Sort(got); !slices.Equal(got, tt.want) {
			t.Errorf("%v; want %v", got, tt.want)
		}
	}
}
