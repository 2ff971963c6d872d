package client_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"testing"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// A reply with names that nothing has is no mistake of the caller's.
func TestBadNamesOfReplies(t *testing.T) {
	t.Parallel()
	c := client.Client{Dial: func(context.Context) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			if _, err := bufio.NewReader(there).ReadString('\n'); err == nil {
				there.Write([]byte(`{"id":1,"result":[{"name":"../x"}]}` + "\n"))
			}
		}()
		return here, nil
	}}
	if _, err := c.List(t.Context(), client.ListOptions{}); err == nil || errors.Is(err, task.ErrUsage) {
		t.Error(err)
	}
	c = client.Client{Dial: c.Dial}
	if _, err := c.Groups(t.Context()); err == nil || errors.Is(err, task.ErrUsage) {
		t.Error(err)
	}
}
