package daemon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
)

// outlet is a stderr that fails with err, if that is set.
type outlet struct {
	text strings.Builder
	err  error
	most int // bytes that it takes of a line before it fails
}

func (o *outlet) Write(b []byte) (int, error) {
	if o.err == nil {
		return o.text.Write(b)
	}
	n, _ := o.text.Write(b[:min(o.most, len(b))])
	return n, o.err
}

func consoleLog(t *testing.T, path string) string {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

// What stderr does not take is in the supervisor's log, with the reason once, and
// stderr hears of it as soon as it takes lines again.
func TestConsoleGoesOnInTheLog(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "supervisor.log")
	synctest.Test(t, func(t *testing.T) {
		out := &outlet{}
		c := NewConsole(out)
		say := func(line string) {
			t.Helper()
			if n, err := c.Write([]byte(line + "\n")); n != len(line)+1 || err != nil {
				t.Errorf("%d, %v", n, err)
			}
			synctest.Wait()
		}
		out.err = syscall.EPIPE
		say("before the lock: nowhere to go")
		c.spillTo(&ownLog{path: path})
		out.err = nil
		say("one")
		out.err, out.most = syscall.ENOSPC, 2
		say("two")
		say("three")
		out.err = nil
		say("four")
		if got := out.text.String(); !strings.HasPrefix(got, "one\ntw\nt\nfour\n") || !strings.Contains(got, "lines=2 log="+path) {
			t.Errorf("stderr has %q", got)
		}
		got := consoleLog(t, path)
		if strings.Count(got, syscall.ENOSPC.Error()) != 1 || !strings.HasSuffix(got, "\ntwo\nthree\n") {
			t.Errorf("the log has %q", got)
		}
		c.Flush()
		close(c.wake)
	})
}

// A reader that does not read costs neither time nor lines.
func TestConsoleDoesNotWait(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "supervisor.log")
	synctest.Test(t, func(t *testing.T) {
		r, w := io.Pipe() // takes a line when somebody reads it
		c := NewConsole(w)
		c.spillTo(&ownLog{path: path})
		const more = 10
		for n := range maxWaiting + more {
			fmt.Fprintf(c, "line %d\n", n)
		}
		if got := consoleLog(t, path); strings.Count(got, "line ") != more || !strings.Contains(got, fmt.Sprintf("line %d\n", maxWaiting)) {
			t.Errorf("the log has %q", got)
		}
		c.Flush() // a moment, then they go to the log as well
		fmt.Fprintln(c, "line last")
		if got := strings.Count(consoleLog(t, path), "line "); got != maxWaiting+more+1 {
			t.Errorf("%d lines of %d", got, maxWaiting+more+1)
		}
		r.CloseWithError(errors.New("gone"))
		close(c.wake)
	})
}

// A log on a full disk says afterwards how much is missing.
func TestOwnLogCountsWhatIsMissing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	log := &ownLog{path: filepath.Join(dir, "missing", "supervisor.log")}
	for range 3 {
		if _, err := log.Write([]byte("lost\n")); err == nil {
			t.Fatal("written where there is no directory")
		}
	}
	if err := os.Mkdir(filepath.Dir(log.path), 0o700); err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{"there\n", "again\n"} {
		if n, err := log.Write([]byte(line)); n != len(line) || err != nil {
			t.Fatal(n, err)
		}
	}
	got := consoleLog(t, log.path)
	if strings.Count(got, "lines=3") != 1 || !strings.HasSuffix(got, "\nthere\nagain\n") {
		t.Errorf("the log has %q", got)
	}
}

// A log that was removed is made again, and stderr, to which a crash is reported, leads there.
func TestOwnLogIsMadeAgain(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "supervisor.log")
	stderr, err := openLog(path)
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	log := &ownLog{path: path, stderr: stderr}
	for _, remove := range []func() error{
		func() error { return nil },
		func() error { return os.Remove(path) },
		func() error { return os.Rename(path, path+".old") },
	} {
		if err := remove(); err != nil {
			t.Fatal(err)
		}
		if _, err := log.Write([]byte("a line\n")); err != nil {
			t.Fatal(err)
		}
		if _, err := stderr.WriteString("a crash\n"); err != nil {
			t.Fatal(err)
		}
		if got := consoleLog(t, path); got != "a line\na crash\n" {
			t.Errorf("the log has %q", got)
		}
	}
}

// A log whose path leads to another's file is still written to its own.
func TestOwnLogOfALostDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	stderr, err := openLog(filepath.Join(dir, "moved"))
	if err != nil {
		t.Fatal(err)
	}
	defer stderr.Close()
	log := &ownLog{path: filepath.Join(dir, "supervisor.log"), owned: func() error { return errors.New("lost") }, stderr: stderr}
	if _, err := log.Write([]byte("mine\n")); err != nil {
		t.Fatal(err)
	}
	log.stderr = nil // in the foreground
	if _, err := log.Write([]byte("nobody's\n")); err == nil {
		t.Error("written all the same")
	}
	if got := consoleLog(t, stderr.Name()); got != "mine\n" {
		t.Errorf("the file that it had has %q", got)
	}
	if _, err := os.Stat(log.path); err == nil {
		t.Error("the other's file was written to")
	}
}
