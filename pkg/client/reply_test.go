package client_test

import (
	"bufio"
	"context"
	"errors"
	"net"
	"strings"
	"testing"
	"unsafe"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// answering is a client whose supervisor has one answer to everything.
func answering(answer string) *client.Client {
	return &client.Client{Dial: func(context.Context) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			if _, err := bufio.NewReader(there).ReadString('\n'); err == nil {
				there.Write([]byte(answer + "\n"))
			}
		}()
		return here, nil
	}}
}

// A reply without the requested tasks is an error.
func TestRepliesWithoutTasks(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	names := func(all ...string) task.Selector { return task.Selector{Names: all} }
	web := task.Spec{Name: "web", Command: []string{"x"}}
	type call = func(*client.Client) ([]task.Info, error)
	asked := map[string]call{
		"start": func(c *client.Client) ([]task.Info, error) { return c.Start(ctx, web, client.StartOptions{}) },
		"start again": func(c *client.Client) ([]task.Info, error) {
			return c.StartAgain(ctx, names("web"), client.StartOptions{})
		},
		"apply":   func(c *client.Client) ([]task.Info, error) { return c.Apply(ctx, nil, []task.Spec{web}) },
		"each":    func(c *client.Client) ([]task.Info, error) { return c.StartEach(ctx, web, []string{"a", "b"}, 1) },
		"pause":   func(c *client.Client) ([]task.Info, error) { return c.Pause(ctx, names("web")) },
		"enable":  func(c *client.Client) ([]task.Info, error) { return c.Enable(ctx, names("web")) },
		"disable": func(c *client.Client) ([]task.Info, error) { return c.Disable(ctx, names("web")) },
		"resume":  func(c *client.Client) ([]task.Info, error) { return c.Resume(ctx, names("web")) },
		"stop": func(c *client.Client) ([]task.Info, error) {
			return c.Stop(ctx, client.StopOptions{Selector: names("web")})
		},
		"restart": func(c *client.Client) ([]task.Info, error) { return c.Restart(ctx, names("web")) },
		"wait": func(c *client.Client) ([]task.Info, error) {
			return c.Wait(ctx, client.WaitOptions{Selector: names("web")})
		},
		"signal": func(c *client.Client) ([]task.Info, error) { return c.Signal(ctx, names("web"), "HUP") },
		"remove": func(c *client.Client) ([]task.Info, error) {
			return c.Remove(ctx, client.RemoveOptions{Selector: names("web")})
		},
		"wait any": func(c *client.Client) ([]task.Info, error) {
			return c.Wait(ctx, client.WaitOptions{Selector: names("web", "db"), Any: true})
		},
	}
	for what, do := range asked {
		for _, tasks := range []string{`[]`, `null`, `[{"name":"other"}]`, `[{"name":"web"},{"name":"other"},{"name":"third"}]`} {
			c := answering(`{"id":1,"result":` + tasks + `}`)
			got, err := do(c)
			if err == nil || !strings.HasPrefix(err.Error(), "cannot read the supervisor's reply: ") || len(got) > 0 || errors.Is(err, task.ErrUsage) {
				t.Errorf("%s with %s: %v, %v", what, tasks, got, err)
			}
			c.Close()
		}
	}
	// Names in a project's directory may leave out the project.
	for tasks, ok := range map[string]bool{
		`[{"name":"shop.web"}]`: true, `[{"name":"web"}]`: true, `[{"name":"a.b.web"}]`: true,
		`[{"name":"shop.other"}]`: false, `[{"name":"shopweb"}]`: false, `[{"name":"web.shop"}]`: false, `[]`: false,
	} {
		for what, sel := range map[string]task.Selector{"in a directory": {Names: []string{"web"}, Dir: "/shop"}, "nowhere": names("web")} {
			c := answering(`{"id":1,"result":` + tasks + `}`)
			ok := ok && (sel.Dir != "" || tasks == `[{"name":"web"}]`)
			if got, err := c.Stop(ctx, client.StopOptions{Selector: sel}); (err == nil) != ok {
				t.Errorf("%s, %s: %v, %v", what, tasks, got, err)
			}
			c.Close()
		}
	}
	passes := map[string]call{
		"list": func(c *client.Client) ([]task.Info, error) {
			return c.List(ctx, client.ListOptions{Selector: names("web", "x*")})
		},
		"clean": func(c *client.Client) ([]task.Info, error) {
			return c.Remove(ctx, client.RemoveOptions{Selector: names("web"), Ended: true})
		},
		"stop by glob": func(c *client.Client) ([]task.Info, error) {
			return c.Stop(ctx, client.StopOptions{Selector: names("w*")})
		},
	}
	for what, do := range passes {
		for tasks, ok := range map[string]bool{`[]`: true, `[{"name":"web"}]`: true, `[{"name":"other"}]`: false} {
			c := answering(`{"id":1,"result":` + tasks + `}`)
			if got, err := do(c); (err == nil) != ok {
				t.Errorf("%s with %s: %v, %v", what, tasks, got, err)
			}
			c.Close()
		}
	}
	failed := `{"id":1,"error":{"code":-32000,"message":"no","data":{"kind":"failed","tasks":[{"name":"other"}]}}}`
	if got, err := answering(failed).Stop(ctx, client.StopOptions{Selector: names("web")}); len(got) > 0 || err == nil {
		t.Errorf("beside an error: %v, %v", got, err)
	}
	for _, g := range []string{`{}`, `null`, `{"name":"other"}`} {
		if got, err := answering(`{"id":1,"result":`+g+`}`).PauseGroup(ctx, "g"); err == nil || got.Name != "" {
			t.Errorf("group %s: %+v, %v", g, got, err)
		}
	}
	for _, answer := range []string{
		`{"id":1,"result":[{"name":"other"}]}`,
		`{"id":1,"result":[]}` + "\n" + `{"method":"event","params":{"watch":1,"task":{"name":"other","spec":{}}}}`,
	} {
		for e, err := range answering(answer).Watch(ctx, names("web")) {
			if err == nil || !strings.Contains(err.Error(), "was not asked for") {
				t.Errorf("watch: %+v, %v", e, err)
			}
		}
	}
}

// A reply with names that no task can have is not a usage error.
func TestBadNamesOfReplies(t *testing.T) {
	t.Parallel()
	c := answering(`{"id":1,"result":[{"name":"../x"}]}`)
	if _, err := c.List(t.Context(), client.ListOptions{}); err == nil || errors.Is(err, task.ErrUsage) {
		t.Error(err)
	}
	c = &client.Client{Dial: c.Dial}
	if _, err := c.Groups(t.Context()); err == nil || errors.Is(err, task.ErrUsage) {
		t.Error(err)
	}
}

// Names that many tasks come after are kept once, and no list of them twice.
func TestNamesOfRepliesAreShared(t *testing.T) {
	t.Parallel()
	c := answering(`{"id":1,"result":[` +
		`{"name":"a","after":["x","y"],"spec":{"after":["x","y"],"after_ended":["z"]}},` +
		`{"name":"b","after":["x","y"],"spec":{"after":["x","z"],"after_ended":["y"]}},null]}`)
	defer c.Close()
	tasks, err := c.List(t.Context(), client.ListOptions{})
	if err == nil || tasks != nil {
		t.Errorf("with null: %v, %v", tasks, err)
	}
	c = answering(`{"id":1,"result":[` +
		`{"name":"a","after":["x","y"],"spec":{"after":["x","y"],"after_ended":["z"]}},` +
		`{"name":"b","after":["x","y"],"spec":{"after":["x","z"],"after_ended":["y"]}}]}`)
	defer c.Close()
	tasks, err = c.List(t.Context(), client.ListOptions{})
	if err != nil || len(tasks) != 2 {
		t.Fatal(tasks, err)
	}
	a, b := &tasks[0], &tasks[1]
	same := func(s, u string) bool { return s == u && unsafe.StringData(s) == unsafe.StringData(u) }
	if !same(a.After[0], b.After[0]) || !same(a.After[1], b.Spec.AfterEnded[0]) || !same(a.Spec.AfterEnded[0], b.Spec.After[1]) {
		t.Error("a name is there twice")
	}
	if &a.After[0] != &a.Spec.After[0] || b.Spec.After[1] != "z" || b.After[1] != "y" {
		t.Errorf("the lists are %v and %v, %v and %v", a.After, a.Spec.After, b.After, b.Spec.After)
	}
}
