package client_test

import (
	"bufio"
	"context"
	"net"
	"strings"
	"testing"
	"time"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// Whatever answers on the socket, each request comes back, and what it brings has
// names of tasks alone.
func FuzzReply(f *testing.F) {
	for _, s := range []string{
		`{"jsonrpc":"2.0","id":1,"result":[{"name":"a","state":"running","spec":{}}]}`,
		`{"jsonrpc":"2.0","id":1,"result":[{"name":"a\nb","spec":{"name":"x"}}]}`,
		`{"jsonrpc":"2.0","id":1,"result":[]}` + "\n" + `{"jsonrpc":"2.0","id":1,"result":[]}` + "\n" + `{"jsonrpc":"2.0","id":1,"result":[]}`,
		`{"jsonrpc":"2.0","id":1,"result":[]}` + "\n" + `{"jsonrpc":"2.0","method":"event","params":{"watch":1,"seq":1,"task":{"name":"a","spec":{}}}}`,
		`{"jsonrpc":"2.0","id":1,"result":[]}` + "\n" + `{"jsonrpc":"2.0","method":"event","params":{"watch":1}}`,
		`{"jsonrpc":"2.0","id":1,"error":{"code":-32001,"message":"x","data":{"kind":"not_found","errors":[{"kind":"y","message":""}],"tasks":[{"name":"/"}]}}}`,
		`{"id":1,"error":{}}`, `{"id":null,"error":{"message":"no"}}`, `{"id":1}`, `{"id":1,"result":null}`, `{"id":-1}`, `null`, "\x00", `{"id":1,"result":{"counts":{"x":1}}}`,
		`{"id":1,"result":[{"name":"g","slots":-1}]}`, `{"id":1,"result":[{"name":"a","exit_code":99999999999999999999}]}`,
	} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, reply []byte) {
		dial := func(context.Context) (net.Conn, error) {
			here, there := net.Pipe()
			go func() {
				defer there.Close()
				if _, err := bufio.NewReader(there).ReadString('\n'); err == nil {
					there.Write(append(reply, '\n'))
				}
			}()
			return here, nil
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
		defer cancel()
		named := func(what string, tasks []task.Info, err error) {
			for _, i := range tasks {
				if task.CheckName(i.Name) != nil {
					t.Errorf("%s: a task %q", what, i.Name)
				}
			}
			if err != nil && strings.Contains(err.Error(), "deadline") || ctx.Err() != nil {
				t.Errorf("%s did not come back: %v", what, err)
			}
		}
		for what, do := range map[string]func(c *client.Client) ([]task.Info, error){
			"list": func(c *client.Client) ([]task.Info, error) { return c.List(ctx, client.ListOptions{}) },
			"wait": func(c *client.Client) ([]task.Info, error) { return c.Wait(ctx, client.WaitOptions{}) },
			"info": func(c *client.Client) ([]task.Info, error) { _, err := c.Info(ctx); return nil, err },
			"groups": func(c *client.Client) (tasks []task.Info, err error) {
				groups, err := c.Groups(ctx)
				for _, g := range groups {
					tasks = append(tasks, task.Info{Name: g.Name})
				}
				return tasks, err
			},
			"watch": func(c *client.Client) (tasks []task.Info, err error) {
				for e, failed := range c.Watch(ctx, task.Selector{}) {
					if err = failed; err == nil {
						tasks = append(tasks, e.Task)
					}
				}
				return tasks, err
			},
		} {
			c := client.Client{Dial: dial}
			tasks, err := do(&c)
			named(what, tasks, err)
			c.Close()
		}
	})
}
