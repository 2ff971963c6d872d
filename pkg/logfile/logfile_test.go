package logfile_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tasks/pkg/logfile"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

var _ supervisor.LogKeeper = (*logfile.Logs)(nil) // else its files have no bounds

// Each run of a function has its file, and no more of them stay than is asked for.
func TestLogs(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "logs")
	files, err := logfile.New(dir, logfile.Options{Keep: 2})
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	sup := supervisor.New(supervisor.Options{Logs: files})
	defer sup.Close(context.Background())
	for run := range 3 {
		if err := sup.Go("a", func(ctx context.Context) error {
			fmt.Fprint(supervisor.Log(ctx), "this is run ", run+1)
			return nil
		}); err != nil {
			t.Fatal(err)
		}
		sup.Wait(t.Context(), "a")
	}
	info, err := sup.Info("a")
	if err != nil || info.Log != filepath.Join(dir, "a", "3.log") {
		t.Errorf("%q, %v", info.Log, err)
	}
	for _, run := range []int{2, 3} {
		if text, err := os.ReadFile(files.Path("a", run)); err != nil || string(text) != fmt.Sprint("this is run ", run) {
			t.Errorf("run %d: %q, %v", run, text, err)
		}
	}
	if _, err := os.Stat(files.Path("a", 1)); !os.IsNotExist(err) {
		t.Errorf("run 1: %v", err)
	}
	if _, err := sup.Output("a", 0, 0); err == nil || !strings.Contains(err.Error(), info.Log) {
		t.Errorf("in memory: %v", err)
	}
	if _, err := sup.Remove(t.Context(), "a"); err != nil {
		t.Error(err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}

// Limits below 0 would be none, and no name of a directory the current one.
func TestOddOptions(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "logs")
	t.Chdir(filepath.Dir(dir))
	os.Chmod(".", 0o700)
	for what, err := range map[string]error{
		"no directory":      second(logfile.New("", logfile.Options{})),
		"a negative size":   second(logfile.New(dir, logfile.Options{MaxSize: -1})),
		"a negative number": second(logfile.New(dir, logfile.Options{Keep: -1})),
		"a negative total":  second(logfile.New(dir, logfile.Options{Total: -1})),
	} {
		if !errors.Is(err, task.ErrUsage) {
			t.Errorf("%s: %v", what, err)
		}
	}
	if _, err := os.Stat(dir); err == nil {
		t.Error("it was made all the same")
	}
}

func second(l *logfile.Logs, err error) error {
	if l != nil {
		l.Close()
	}
	return err
}

// A directory of others is refused before anything is written to it.
func TestForeignDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.Chmod(dir, 0o777); err != nil {
		t.Fatal(err)
	}
	if _, err := logfile.New(dir, logfile.Options{}); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("%v", err)
	}
}

// A directory that was removed is made again, and one that others have made in its place is
// not touched.
func TestDirectoryThatIsReplaced(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "logs")
	files, err := logfile.New(dir, logfile.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer files.Close()
	create := func(run int) error {
		f, err := files.Create("a", run)
		f.Close()
		return err
	}
	os.RemoveAll(dir)
	if err := create(1); err != nil {
		t.Errorf("a directory that was removed: %v", err)
	}
	os.RemoveAll(dir)
	if err := errors.Join(os.Mkdir(dir, 0o777), os.Chmod(dir, 0o777)); err != nil {
		t.Fatal(err)
	}
	if err := create(2); err == nil || !strings.Contains(err.Error(), "chmod 700") {
		t.Errorf("a directory of others: %v", err)
	}
	if left, err := os.ReadDir(dir); err != nil || len(left) > 0 {
		t.Errorf("%v, %v", left, err)
	}
}
