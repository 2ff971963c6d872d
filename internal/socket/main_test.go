package socket

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

// nobody is a user that none of the tests runs as.
const nobody = 65534

// TestMain lets the test binary be the other process that some tests need: one
// with its own lock, its own umask or its own user.
func TestMain(m *testing.M) {
	if role := os.Getenv("SOCKET_TEST_ROLE"); role != "" {
		said := "ok"
		if err := play(role, os.Getenv("SOCKET_TEST_DIR")); err != nil {
			said = err.Error()
		}
		fmt.Println(said)
		io.Copy(io.Discard, os.Stdin) // until the test kills it, or is gone itself
		os.Exit(0)
	}
	os.Exit(m.Run())
}

func play(role, dir string) error {
	role, as, _ := strings.Cut(role, " as ")
	if as == "nobody" {
		if err := syscall.Setuid(nobody); err != nil {
			return err
		}
	}
	path := filepath.Join(dir, "x.sock")
	switch role {
	case "lock":
		l, err := AcquireLock(dir)
		if err != nil {
			return err
		}
		return l.Record(path)
	case "listen":
		_, err := Listen(path)
		return err
	case "dial":
		_, err := Dial(context.Background(), path)
		return err
	case "umask":
		syscall.Umask(0o777)
		state := filepath.Join(dir, "a", "b", "state")
		if err := MakeDir(state); err != nil {
			return err
		}
		if err := CheckNamedDir(filepath.Join(dir, "named")); err != nil {
			return err
		}
		l, err := AcquireLock(state)
		if err != nil {
			return err
		}
		if err := l.Record(path); err != nil {
			return err
		}
		_, err = Listen(path)
		return err
	}
	return fmt.Errorf("unknown role %q", role)
}

// A child is another process that plays a role in dir.
type child struct {
	cmd  *exec.Cmd
	said string // "ok", or why it could not
}

func startChild(t *testing.T, role, dir string) *child {
	t.Helper()
	c := newChild(role, dir)
	c.start(t)
	return c
}

func newChild(role, dir string) *child {
	c := &child{cmd: exec.Command(os.Args[0])}
	c.cmd.Env = append(os.Environ(), "SOCKET_TEST_ROLE="+role, "SOCKET_TEST_DIR="+dir)
	c.cmd.Stderr = os.Stderr
	return c
}

func (c *child) start(t *testing.T) {
	t.Helper()
	_, err := c.cmd.StdinPipe()
	check(t, err)
	out, err := c.cmd.StdoutPipe()
	check(t, err)
	check(t, c.cmd.Start())
	t.Cleanup(c.kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	check(t, err)
	c.said = strings.TrimSpace(line)
}

func (c *child) kill() {
	c.cmd.Process.Kill()
	c.cmd.Wait()
}

// tempDir is a directory whose name leaves room for a socket's, mode 0700.
func tempDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/tmp", "sk")
	check(t, err)
	t.Cleanup(func() { os.RemoveAll(dir) })
	dir, err = filepath.EvalSymlinks(dir)
	check(t, err)
	return dir
}

func needRoot(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("only root can make files of another user")
	}
}

func check(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// wantError checks that err says each of the parts, in one line.
func wantError(t *testing.T, err error, parts ...string) {
	t.Helper()
	if err == nil {
		t.Fatalf("no error, want one with %q", parts)
	}
	for _, part := range append(parts, "") {
		if !strings.Contains(err.Error(), part) || strings.Contains(err.Error(), "\n") {
			t.Errorf("error %q, want one line with %q", err, part)
		}
	}
}

func wantMode(t *testing.T, path string, want os.FileMode) {
	t.Helper()
	fi, err := os.Lstat(path)
	check(t, err)
	if got := fi.Mode().Perm(); got != want {
		t.Errorf("mode of %s is %04o, want %04o", path, got, want)
	}
}

func exists(path string) bool {
	_, err := os.Lstat(path)
	return err == nil
}

func touch(t *testing.T, path string) {
	t.Helper()
	check(t, os.WriteFile(path, []byte("precious"), 0o600))
}
