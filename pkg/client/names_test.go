package client_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"

	"tasks/internal/protocol"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

// naming is a client whose supervisor answers a request with what answer says to the names
// in it; "": nothing.
func naming(t *testing.T, answer func(names []string) string) *client.Client {
	return &client.Client{Dial: func(context.Context) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			for lines := bufio.NewReaderSize(there, 2*protocol.MaxLine); ; {
				line, err := lines.ReadSlice('\n')
				if err != nil {
					return
				}
				var request struct {
					ID     json.RawMessage
					Params struct{ Names []string }
				}
				if err := json.Unmarshal(line, &request); err != nil || len(line) > protocol.MaxLine {
					t.Errorf("a line of %d bytes, %v", len(line), err)
				}
				if text := answer(request.Params.Names); text != "" {
					fmt.Fprintf(there, "{\"jsonrpc\":\"2.0\",\"id\":%s,%s}\n", request.ID, text)
				}
			}
		}()
		return here, nil
	}}
}

// each answers with the tasks that were named.
func each(names []string) string {
	var tasks []string
	for _, name := range names {
		tasks = append(tasks, `{"name":"`+name+`"}`)
	}
	return `"result":[` + strings.Join(tasks, ",") + `]`
}

// Names that do not fit into one request are sent in several, and the answers are the same as
// for one.
func TestManyNames(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	var all []string
	for i := range 8200 {
		all = append(all, fmt.Sprintf("%04d%s", i, strings.Repeat("n", 124))) // 131 bytes of a line
	}
	sel := task.Selector{Names: append(slices.Clone(all), all[0])}
	type call = func(*client.Client) ([]task.Info, error)
	for what, ask := range map[string]call{
		"start":   func(c *client.Client) ([]task.Info, error) { return c.StartAgain(ctx, sel, client.StartOptions{}) },
		"pause":   func(c *client.Client) ([]task.Info, error) { return c.Pause(ctx, sel) },
		"resume":  func(c *client.Client) ([]task.Info, error) { return c.Resume(ctx, sel) },
		"enable":  func(c *client.Client) ([]task.Info, error) { return c.Enable(ctx, sel) },
		"disable": func(c *client.Client) ([]task.Info, error) { return c.Disable(ctx, sel) },
		"stop":    func(c *client.Client) ([]task.Info, error) { return c.Stop(ctx, client.StopOptions{Selector: sel}) },
		"restart": func(c *client.Client) ([]task.Info, error) { return c.Restart(ctx, sel) },
		"list":    func(c *client.Client) ([]task.Info, error) { return c.List(ctx, client.ListOptions{Selector: sel}) },
		"get":     func(c *client.Client) ([]task.Info, error) { return c.Get(ctx, client.ListOptions{Selector: sel}) },
		"wait":    func(c *client.Client) ([]task.Info, error) { return c.Wait(ctx, client.WaitOptions{Selector: sel}) },
		"signal":  func(c *client.Client) ([]task.Info, error) { return c.Signal(ctx, sel, "HUP") },
		"remove":  func(c *client.Client) ([]task.Info, error) { return c.Remove(ctx, client.RemoveOptions{Selector: sel}) },
	} {
		var mu sync.Mutex
		var named []string
		c := naming(t, func(names []string) string {
			mu.Lock()
			defer mu.Unlock()
			named = append(named, names...)
			return `"error":{"code":-32002,"message":"not ` + names[0] + `","data":{"kind":"conflict"}}`
		})
		_, err := ask(c)
		slices.Sort(named)
		if !slices.Equal(named, all) || !errors.Is(err, task.ErrConflict) || strings.Count(err.Error(), "not ") != 2 {
			t.Errorf("%s: %d names, %v", what, len(named), err)
		}
		c.Close()
	}
	c := naming(t, each)
	defer c.Close()
	tasks, err := c.List(ctx, client.ListOptions{Selector: sel})
	if err != nil || len(tasks) != len(all) || tasks[0].Name != all[0] || tasks[8199].Name != all[8199] {
		t.Errorf("%d tasks are listed, %v", len(tasks), err)
	}
	if _, err := c.List(ctx, client.ListOptions{Selector: task.Selector{Names: append(slices.Clone(all), "n*")}}); err == nil || !strings.Contains(err.Error(), "name fewer tasks") {
		t.Errorf("with a pattern: %.100v", err)
	}
	last := all[len(all)-1]
	one := naming(t, func(names []string) string {
		if !slices.Contains(names, last) {
			return ""
		}
		return each(names)
	})
	defer one.Close()
	tasks, err = one.Wait(ctx, client.WaitOptions{Selector: sel, Any: true})
	if err != nil || len(tasks) == 0 || len(tasks) == len(all) || tasks[len(tasks)-1].Name != last {
		t.Errorf("wait for any: %d tasks, %v", len(tasks), err)
	}
}
