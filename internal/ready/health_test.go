package ready

import (
	"context"
	"fmt"
	"net"
	"os"
	"syscall"
	"testing"
	"testing/synctest"
	"time"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

func TestHealthy(t *testing.T) {
	t.Parallel()
	exhausted := func(context.Context, string) (net.Conn, error) {
		return nil, &net.OpError{Op: "dial", Err: os.NewSyscallError("socket", syscall.EMFILE)}
	}
	bad, fine := answer("HTTP/1.0 500 Oops\r\n\r\n"), answer(ok)
	of := func(all ...server) server { // the last one for ever
		var n int
		return func(ctx context.Context, address string) (net.Conn, error) {
			s := all[min(n, len(all)-1)]
			n++
			return s(ctx, address)
		}
	}
	url := task.Health{HealthHTTP: "http://h/"}
	for _, tt := range []struct {
		what   string
		health task.Health
		serve  server
		codes  []int // of the line
		want   string
		after  time.Duration
	}{
		{"from the start", url, bad, nil, "health_http http://h/: 500 Oops (3 times in a row)", 30 * time.Second},
		{"refused", url, refuse, nil, "health_http http://h/: connection refused (3 times in a row)", 30 * time.Second},
		{"in between", url, of(bad, bad, fine, bad, bad, fine, bad), nil, "health_http http://h/: 500 Oops (3 times in a row)", 90 * time.Second},
		{"hanging", url, of(fine, hang), nil, "health_http http://h/: no answer within 5s (3 times in a row)", 55 * time.Second},
		{"one retry", task.Health{HealthHTTP: "http://h/", HealthRetries: new(1), HealthInterval: dur(time.Minute)}, of(fine, bad), nil, "health_http http://h/: 500 Oops", 2 * time.Minute},
		{"cmd", task.Health{HealthCmd: "x", HealthRetries: new(2)}, nil, []int{0, 0, 7}, "health_cmd: exit code 7: said (2 times in a row)", 40 * time.Second},
		{"both", task.Health{HealthHTTP: "http://h/", HealthCmd: "x"}, of(bad, fine), []int{0, 1}, "health_cmd: exit code 1: said (3 times in a row)", 30 * time.Second},
		{"cannot be made", url, of(fine, exhausted, exhausted, exhausted, exhausted, bad), nil, "health_http http://h/: 500 Oops (3 times in a row)", 80 * time.Second},
		{"cannot be made in between", url, of(bad, bad, exhausted, bad), nil, "health_http http://h/: 500 Oops (3 times in a row)", 40 * time.Second},
		{"one cannot be made", task.Health{HealthHTTP: "http://h/", HealthCmd: "x"}, exhausted, []int{1}, "health_cmd: exit code 1: said (3 times in a row)", 30 * time.Second},
		{"well", task.Health{HealthHTTP: "http://h/", HealthCmd: "x"}, fine, []int{0}, "", time.Hour},
		{"slow and well", task.Health{HealthHTTP: "http://h/", HealthTimeout: dur(time.Minute)}, func(ctx context.Context, a string) (net.Conn, error) {
			time.Sleep(50 * time.Second)
			return fine(ctx, a)
		}, nil, "", time.Hour},
	} {
		t.Run(tt.what, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				sh := func(context.Context, engine.Launch, string) (string, task.Exit, error) {
					code := tt.codes[min(n, len(tt.codes)-1)]
					n++
					return "said", task.Exit{Code: code}, nil
				}
				r := startChecks(t, checker(t, sh, tt.serve), task.Spec{Health: tt.health}, "")
				ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
				defer cancel()
				start := time.Now()
				err := r.Healthy(ctx)
				if got := fmt.Sprint(err); got != tt.want && (err != nil || tt.want != "") {
					t.Errorf("%s, want %s", got, tt.want)
				}
				if took := time.Since(start); took != tt.after {
					t.Errorf("it took %v, want %v", took, tt.after)
				}
			})
		})
	}
}

// A line that has not begun says nothing of the run, whatever there was no room for.
func TestHealthLineCannotBegin(t *testing.T) {
	t.Parallel()
	for _, err := range []error{syscall.EMFILE, syscall.EAGAIN, syscall.ENOBUFS, syscall.ENOSPC, syscall.EDQUOT, syscall.EBADF, syscall.ENOENT, syscall.EACCES} {
		t.Run(err.Error(), func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				n := 0
				sh := func(context.Context, engine.Launch, string) (string, task.Exit, error) {
					if n++; n <= 10 {
						return "", task.Exit{}, fmt.Errorf("exec %q: %w", "/bin/sh", err)
					}
					return "", task.Exit{Code: 7}, nil
				}
				start := time.Now()
				err := startChecks(t, checker(t, sh, nil), task.Spec{Health: task.Health{HealthCmd: "x"}}, "").Healthy(t.Context())
				if got := fmt.Sprint(err); got != "health_cmd: exit code 7 (3 times in a row)" {
					t.Error(got)
				}
				if took := time.Since(start); took != 130*time.Second {
					t.Errorf("it took %v", took)
				}
			})
		})
	}
}

// Where all local ports to a server are taken nothing is known of that. An address that
// cannot be reached at all is the user's affair.
func TestHealthWithoutALocalPort(t *testing.T) {
	t.Parallel()
	for _, routed := range []bool{true, false} {
		synctest.Test(t, func(t *testing.T) {
			c := checker(t, nil, nil)
			n := 0
			c.dial = func(_ context.Context, network, _ string) (net.Conn, error) {
				if network == "udp" && routed {
					conn, _ := net.Pipe()
					return conn, nil
				}
				err := syscall.EADDRNOTAVAIL
				if n++; n > 5 {
					err = syscall.ECONNREFUSED
				}
				return nil, &net.OpError{Op: "dial", Net: network, Err: os.NewSyscallError("connect", err)}
			}
			spec := task.Spec{Health: task.Health{HealthHTTP: "http://192.0.2.1:8000/", HealthRetries: new(1)}}
			err := startChecks(t, c, spec, "").Healthy(t.Context())
			want := "cannot assign requested address"
			if routed {
				want = "connection refused"
			}
			if got := fmt.Sprint(err); got != "health_http http://192.0.2.1:8000/: "+want {
				t.Error(got)
			}
		})
	}
}
