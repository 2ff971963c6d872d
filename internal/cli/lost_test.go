package cli

import (
	"bufio"
	"bytes"
	"context"
	"net"
	"strings"
	"testing"
	"time"
)

// A supervisor that is killed as a command asks it is spoken of in words for people, and
// with what to do.
func TestLost(t *testing.T) {
	t.Parallel()
	for next, want := range map[string]string{
		"":                                    "tasks: the supervisor ended before it answered: start the next one with 'tasks serve'\n",
		`{"version":"1","socket":"/nowhere"}`: "tasks: the supervisor ended before it answered, and the next one serves: see 'tasks list' for what was done\n",
	} {
		var out, errs bytes.Buffer
		e := newEnv()
		e.in, e.out, e.err, e.raw, e.color = strings.NewReader(""), &out, &errs, &out, "never"
		e.client.Socket = "/nowhere"
		dialled := false
		e.client.Dial = func(context.Context) (net.Conn, error) {
			here, there := net.Pipe()
			if dialled && next != "" {
				go scripted{"info": next}.serve(there, func(request) {})
				return here, nil
			}
			dialled = true
			go func() {
				there.SetDeadline(time.Now().Add(time.Minute))
				bufio.NewReader(there).ReadString('\n')
				there.Close()
			}()
			return here, nil
		}
		if code := e.run([]string{"stop", "web"}); code != noSupervisor || out.String() != "" || errs.String() != want {
			t.Errorf("exit code %d, %q, %q; want %q", code, out.String(), errs.String(), want)
		}
		e.close()
	}
}
