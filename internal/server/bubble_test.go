package server

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/protocol"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// bubble runs f in fake time, with a server at the other end of a pipe. A
// goroutine that outlives both ends fails the test.
func bubble(t *testing.T, f func(t *testing.T, sup *supervisor.Supervisor, nc net.Conn)) {
	t.Helper()
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sup := supervisor.New(supervisor.Options{})
		srv := New(Config{Supervisor: sup, Info: func() protocol.Info { return protocol.Info{} }}, 0)
		here, there := net.Pipe()
		srv.Handle(there)
		f(t, sup, here)
		here.Close()
		sup.Close(t.Context())
		srv.Close(t.Context())
	})
}

func untilStop(ctx context.Context) error {
	<-ctx.Done()
	return nil
}

// A peer that does not read is left alone after a while.
func TestWriteTimeout(t *testing.T) {
	bubble(t, func(t *testing.T, _ *supervisor.Supervisor, nc net.Conn) {
		began := time.Now()
		if _, err := nc.Write([]byte(request(1, "list"))); err != nil {
			t.Fatal(err)
		}
		time.Sleep(writeTimeout - time.Millisecond)
		synctest.Wait()
		if _, err := nc.Write([]byte("\n")); err != nil {
			t.Fatalf("after %v: %v", time.Since(began), err)
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()
		if _, err := nc.Read(make([]byte, 1)); err != io.EOF {
			t.Errorf("after %v: %v", time.Since(began), err)
		}
	})
}

// The uptime is counted by the server, not taken from a time of the wall clock,
// which the host here has none of.
func TestUptime(t *testing.T) {
	bubble(t, func(t *testing.T, _ *supervisor.Supervisor, nc net.Conn) {
		time.Sleep(90 * time.Second)
		if _, err := nc.Write([]byte(request(1, "info"))); err != nil {
			t.Fatal(err)
		}
		line, err := bufio.NewReader(nc).ReadString('\n')
		if err != nil || !strings.Contains(line, `"uptime":"1m30s"`) {
			t.Errorf("%v: %s", err, line)
		}
	})
}

// Past its limit the server reads no further, and continues once it may.
func TestStopsReading(t *testing.T) {
	bubble(t, func(t *testing.T, sup *supervisor.Supervisor, nc net.Conn) {
		for _, name := range []string{"a", "marker"} {
			if err := sup.Go(name, untilStop); err != nil {
				t.Fatal(err)
			}
		}
		go func() {
			for i := range maxInFlight {
				io.WriteString(nc, request(i, "wait", `{"names":["a"]}`))
			}
			io.WriteString(nc, request(maxInFlight, "stop", `{"names":["marker"]}`))
		}()
		time.Sleep(time.Hour)
		synctest.Wait()
		if info, _ := sup.Info("marker"); info.State.Ended() {
			t.Error("one more than the limit was carried out")
		}
		go sup.Stop(t.Context(), "a")
		r := bufio.NewReader(nc)
		for range maxInFlight + 1 {
			if _, err := r.ReadString('\n'); err != nil {
				t.Fatal(err)
			}
		}
		if info, _ := sup.Info("marker"); !info.State.Ended() {
			t.Error("the last one was not carried out")
		}
	})
}

// What was selected may be forgotten before it is looked at: it had ended.
func TestWaitForTheForgotten(t *testing.T) {
	bubble(t, func(t *testing.T, sup *supervisor.Supervisor, _ net.Conn) {
		sup.Go("b", func(context.Context) error { time.Sleep(time.Second); return nil })
		w := waiting{
			names: []string{"a", "b", "c", "d"}, named: []string{"b", "c"},
			wait: func(ctx context.Context, names []string) ([]*task.Info, error) {
				return sup.WaitFor(ctx, names, supervisor.WaitOptions{})
			},
			before: []*task.Info{{Name: "b", State: task.Running}, {Name: "c", State: task.Failed}, {Name: "d", State: task.Done}},
		}
		got, err := w.until(t.Context())
		if err != nil || len(got) != 3 || got[0].Name != "b" || got[0].State != task.Done || got[1].State != task.Failed || got[2].Name != "d" {
			t.Errorf("%+v, %v", got, err)
		}
		w.named = append(w.named, "a")
		if _, err := w.until(t.Context()); !errors.Is(err, task.ErrNotFound) {
			t.Errorf("one that never was: %v", err)
		}
	})
}

func TestWaitTimesOut(t *testing.T) {
	bubble(t, func(t *testing.T, sup *supervisor.Supervisor, nc net.Conn) {
		if err := sup.Go("a", untilStop); err != nil {
			t.Fatal(err)
		}
		began := time.Now()
		io.WriteString(nc, request(1, "wait", `{"all":true,"timeout":"1h30m"}`))
		line, err := bufio.NewReader(nc).ReadString('\n')
		if took := time.Since(began); err != nil || took != 90*time.Minute {
			t.Errorf("%s after %v, %v", line, took, err)
		}
		fmt.Fprint(nc, request(2, "wait", `{"all":true}`)) // and is left behind
		synctest.Wait()
	})
}
