package daemon

import (
	"bufio"
	"bytes"
	"context"
	"io"
	"net"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"tasks/internal/logs"
	"tasks/internal/ready"
	"tasks/internal/store"
	"tasks/pkg/task"
)

func TestOwnLogStaysSmall(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "supervisor.log")
	log := &ownLog{path: path}
	line := append(bytes.Repeat([]byte("x"), 1023), '\n')
	const lines = 5 * 1024
	for i := range lines {
		copy(line, strconv.Itoa(i)+" ")
		if _, err := log.Write(line); err != nil {
			t.Fatal(err)
		}
	}
	total := int64(0)
	for _, p := range []string{path, path + ".1"} {
		info, err := os.Stat(p)
		if err != nil {
			t.Fatal(err)
		}
		if info.Size() > maxLog+2048 {
			t.Errorf("%s has %d bytes", p, info.Size())
		}
		if info.Mode().Perm() != 0o600 {
			t.Errorf("%s has mode %v", p, info.Mode())
		}
		total += info.Size()
	}
	if total < maxLog {
		t.Errorf("only %d bytes are kept", total)
	}
	b, err := os.ReadFile(path)
	if err != nil || !bytes.Contains(b, []byte(strconv.Itoa(lines-1)+" x")) {
		t.Errorf("the last line is not there (%v)", err)
	}
}

func TestManager(t *testing.T) {
	path := filepath.Join(t.TempDir(), "notify")
	l, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	t.Setenv("NOTIFY_SOCKET", path)
	t.Setenv("WATCHDOG_USEC", "30000000")
	t.Setenv("WATCHDOG_PID", strconv.Itoa(os.Getpid()))
	m := newManager()
	if m.watchdog != 15*time.Second || m.beats() == nil {
		t.Errorf("watchdog every %s", m.watchdog)
	}
	read := func() string {
		buf := make([]byte, 100)
		n, err := l.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		return string(buf[:n])
	}
	m.notify("WATCHDOG=1")
	if got := read(); got != "WATCHDOG=1" {
		t.Errorf("got %q", got)
	}
	for range 10_000 { // it hangs, and reads none of them
		m.notify("WATCHDOG=1")
	}
	m.notifyOnceRead("READY=1")
	for read() == "WATCHDOG=1" {
	}
	for _, name := range []string{"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"} {
		if v, ok := os.LookupEnv(name); ok {
			t.Errorf("%s=%s is left for the tasks", name, v)
		}
	}
	if env := strings.Join(m.environ(), " "); env != "NOTIFY_SOCKET="+path+" WATCHDOG_USEC=30000000" {
		t.Errorf("the next program gets %q", env)
	}
	none := newManager()
	none.notify("READY=1") // nobody listens: no harm
	if none.beats() != nil || none.environ() != nil {
		t.Error("a manager where there is none")
	}
}

func TestCheckFormat(t *testing.T) {
	t.Parallel()
	for arg, ok := range map[string]bool{strconv.Itoa(store.Format): true, strconv.Itoa(store.Format + 1): false, "x": false} {
		if err := checkFormat([]string{arg}); (err == nil) != ok {
			t.Errorf("format %s: %v", arg, err)
		}
	}
}

func TestRecorded(t *testing.T) {
	t.Parallel()
	now := task.Now()
	dir := logs.Dir(t.TempDir())
	for name, run := range map[string]int{"web": 3, "again": 5, "other": 1} {
		f, err := dir.Create(name, run)
		if err != nil {
			t.Fatal(err)
		}
		f.Close()
	}
	if err := os.Symlink("loop", string(dir)+"/loop"); err != nil {
		t.Fatal(err)
	}
	known := recorded([]task.Record{
		{Spec: task.Spec{Name: "web"}, Runs: []task.Run{{Run: 1, PID: 7, EndedAt: now}, {Run: 2, PID: 8}}},
		{Spec: task.Spec{Name: "again"}, Runs: []task.Run{{Run: 4, PID: 9, EndedAt: now}, {Run: 5}}},
	}, dir)
	for _, c := range []struct {
		name string
		run  int
		want bool
	}{{"web", 1, true}, {"web", 2, true}, {"web", 3, false}, {"again", 4, true}, {"again", 5, false}, {"other", 1, false}, {"removed", 1, true}, {"loop", 1, true}} {
		if got := known(c.name, c.run); got != c.want {
			t.Errorf("%s run %d: %v", c.name, c.run, got)
		}
	}
}

func TestCallerEnv(t *testing.T) {
	t.Setenv("TASKS_NAME", "web")
	t.Setenv("TASKS_RUN", "1")
	t.Setenv("TASKS_RUN_ID", "x/web/1")
	t.Setenv("TASKS_SOCKET", "/run/a.sock")
	long := "/" + strings.Repeat("x", 110) + "/web.1"
	for socket, kept := range map[string]bool{
		"/s/notify/web.1": false, ready.SocketBeside(long, "web", 1): false, // the run's
		"/s/notify/web.2": true, "/run/systemd/notify": true,
	} {
		t.Setenv("NOTIFY_SOCKET", socket)
		env := strings.Join(CallerEnv(), "\n")
		if strings.Contains(env, "TASKS_RUN") || strings.Contains(env, "TASKS_NAME") || !strings.Contains(env, "TASKS_SOCKET=/run/a.sock") {
			t.Errorf("what a task starts gets %q", env)
		}
		if strings.Contains(env, socket) != kept {
			t.Errorf("NOTIFY_SOCKET=%s is kept: %v", socket, !kept)
		}
	}
}

func TestHeartbeatEndsByItsStopEvent(t *testing.T) {
	t.Parallel()
	ctx, stop := context.WithCancel(context.Background())
	stop()
	if err := heartbeat(ctx); err != nil {
		t.Error(err)
	}
}

// Whoever asks for info may have an answer of a supervisor that serves, and of one that ends.
func TestAnswers(t *testing.T) {
	t.Parallel()
	for reply, want := range map[string]found{
		`{"jsonrpc":"2.0","id":1,"result":{"pid":7}}` + "\n":                serving,
		`{"jsonrpc":"2.0","id":1,"result":{"pid":7,"ending":false}}` + "\n": serving,
		`{"jsonrpc":"2.0","id":1,"result":{"pid":7,"ending":true}}` + "\n":  ends,
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32603}}` + "\n":           serving,
		"": absent,
	} {
		path := filepath.Join(t.TempDir(), "s.sock")
		l, err := net.Listen("unix", path)
		if err != nil {
			t.Fatal(err)
		}
		var served sync.WaitGroup
		served.Go(func() {
			conn, err := l.Accept()
			if err != nil {
				t.Error(err)
				return
			}
			bufio.NewReader(conn).ReadString('\n')
			io.WriteString(conn, reply)
			conn.Close()
		})
		got, err := answers(t.Context(), path, func() {})
		if got != want || err != nil {
			t.Errorf("%q: %d, %v", reply, got, err)
		}
		served.Wait()
		l.Close()
		if got, err := answers(t.Context(), path, func() {}); got != absent || err != nil {
			t.Errorf("without a listener: %d, %v", got, err)
		}
	}
}
