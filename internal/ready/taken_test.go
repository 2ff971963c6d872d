package ready

import (
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// What another process answers on the port does not make a run ready at once.
func TestPortThatIsTaken(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		ready   task.Ready
		closed  time.Duration // when the port is closed for a second; 0: never
		adopted bool
		after   time.Duration // the run is ready
	}{
		"a port":             {task.Ready{ReadyPort: "80"}, 0, false, takenFor},
		"a URL":              {task.Ready{ReadyHTTP: "http://localhost/"}, 0, false, takenFor},
		"IPv6":               {task.Ready{ReadyHTTP: "http://[::1]:80/"}, 0, false, takenFor},
		"of another machine": {task.Ready{ReadyPort: "db:80"}, 0, false, 0},
		"taken over":         {task.Ready{ReadyPort: "80"}, 0, true, 0},
		"let go of":          {task.Ready{ReadyPort: "80"}, time.Second, false, 2 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				begin := time.Now()
				c := checker(t, nil, func(ctx context.Context, address string) (net.Conn, error) {
					if past := time.Since(begin); tt.closed > 0 && past >= tt.closed && past < tt.closed+time.Second {
						return refuse(ctx, address)
					}
					return answer(ok)(ctx, address)
				})
				tt.ready.ReadyInterval = dur(100 * time.Millisecond)
				spec := task.Spec{Name: "web", Ready: tt.ready}
				r, err := c.Begin(engine.Launch{Spec: &spec, Run: 1, Adopted: tt.adopted}, "")
				if err != nil {
					t.Fatal(err)
				}
				defer r.Close()
				if err := r.Ready(t.Context()); err != nil || time.Since(begin).Round(100*time.Millisecond) != tt.after {
					t.Errorf("%v after %s, want %s", err, time.Since(begin), tt.after)
				}
			})
		})
	}
	synctest.Test(t, func(t *testing.T) {
		r := startChecks(t, checker(t, nil, answer("")), task.Spec{Ready: task.Ready{ReadyPort: "80"}}, "")
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := fmt.Sprint(r.Ready(ctx)); !strings.Contains(err, "port 80 was open before the run began: another process has it") {
			t.Error(err)
		}
	})
}
