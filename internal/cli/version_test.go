package cli

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"tasks/internal/protocol"
)

// olderSupervisor is one that knows no key of remove's params but ended, and
// notes what it is asked.
func olderSupervisor(asked *[]string) func(context.Context) (net.Conn, error) {
	return func(context.Context) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			for lines := bufio.NewScanner(there); lines.Scan(); {
				var req protocol.Request
				json.Unmarshal(lines.Bytes(), &req)
				*asked = append(*asked, req.Method)
				answer := `"result":{"version":"0.3.0"}`
				if req.Method == "remove" {
					answer = `"error":{"code":-32602,"message":"params: unknown field \"finished\""}`
				}
				fmt.Fprintf(there, "{\"jsonrpc\":\"2.0\",\"id\":%s,%s}\n", req.ID, answer)
			}
		}()
		return here, nil
	}
}

// What keeps a clean from the supervisor is said once.
func TestCleanThatCannotConnect(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	e := newEnv()
	e.out, e.err = &out, &errs
	e.client.Socket, e.client.Dial = "/nowhere", func(context.Context) (net.Conn, error) { return nil, errors.New("others can write there") }
	if code := e.run([]string{"clean"}); code != failed || errs.String() != "tasks: others can write there\n" || out.Len() > 0 {
		t.Errorf("exit code %d, %q, %q", code, out.String(), errs.String())
	}
}

// A supervisor that does not know which tasks a clean is to keep removes none.
func TestCleanOfAnOlderSupervisor(t *testing.T) {
	t.Parallel()
	var asked []string
	var out, errs bytes.Buffer
	e := newEnv()
	e.out, e.err = &out, &errs
	e.client.Socket, e.client.Dial = "/nowhere", olderSupervisor(&asked)
	code := e.run([]string{"clean"})
	e.client.Close()
	const says = "the supervisor is version 0.3.0: run 'tasks serve --replace'\n"
	if code != wrongUsage || !strings.HasSuffix(errs.String(), says) || strings.Count(errs.String(), "\n") != 1 || out.Len() > 0 {
		t.Errorf("exit code %d, %q, %q", code, out.String(), errs.String())
	}
	if strings.Join(asked, " ") != "remove info" {
		t.Errorf("it was asked %q", asked)
	}
}
