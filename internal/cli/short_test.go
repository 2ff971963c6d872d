package cli

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"

	"tasks/pkg/task"
)

// Every command that takes the names of tasks takes those of a project's directory without
// the project.
func TestShortNames(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile(filepath.Join(dir, "tasks.yaml"), []byte("project: shop\ntasks: {api: {command: [api]}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	var lines []string
	special := map[string][]string{
		"up": nil, "down": nil, // those of the file
		"start":  {"start api", "start api --next 2", "start other --after api -- true", "start other --after-ended api,x -- true"},
		"each":   {"each job-{#} --after api -- true"},
		"edit":   {"edit api", "edit api --priority 1", "edit other --after x,api"},
		"signal": {"signal HUP api", "kill -9 api", "kill api"},
		"logs":   {"logs api", "logs -f api"},
	}
	everyCommand(newRoot(newEnv(), nil), func(cmd *cobra.Command) {
		if own, ok := special[cmd.Name()]; ok {
			lines = append(lines, own...)
		} else if strings.Contains(cmd.Use, "NAME") {
			lines = append(lines, cmd.Name()+" api")
		}
	})
	if len(lines) < 25 {
		t.Errorf("only %d lines", len(lines))
	}
	for _, line := range lines {
		r := scripted{
			"info": `{"version":"1","socket":"/nowhere","state_dir":"` + dir + `"}`, "group.list": `[]`, "group.set": `{"name":"job"}`,
			"list": `[{"name":"shop.api","state":"done","wish":"up","engine":"process","command":["api"],"run":1,"restarts":0,"priority":0,"spec":{"name":"shop.api","command":["api"],"file":"` + dir + `/tasks.yaml"}}]`,
		}.with(t, func(e *env) { e.in = strings.NewReader("x\n") }, strings.Fields(line)...)
		names := func(req string) bool { return strings.Contains(req, `"shop.api"`) && !strings.Contains(req, `"api"`) }
		if !slices.ContainsFunc(r.asked, names) {
			t.Errorf("tasks %s: asks %q, and says %q", line, r.asked, r.errs)
		}
	}
}

// A supervisor that does not say whose the tasks are is asked for none of another project.
func TestShortNamesOfNobody(t *testing.T) {
	dir := t.TempDir()
	t.Chdir(dir)
	if err := os.WriteFile(filepath.Join(dir, "tasks.yaml"), []byte("project: shop\ntasks: {api: {command: [api]}}\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	r := scripted{"list": "hangs", "wait": `[]`}.run(t, "wait", "api", "--timeout", "1ms")
	if last := r.asked[len(r.asked)-1]; !strings.HasPrefix(last, "wait ") || strings.Contains(last, "shop.api") {
		t.Errorf("%q", r.asked)
	}
}

// A name of a task goes before one without the project, and of these the shortest is meant:
// the answer has the tasks for all names of a command.
func TestNameIn(t *testing.T) {
	t.Parallel()
	var tasks []task.Info
	for _, of := range []struct{ name, file string }{
		{"a.db", "/shop/dev.yaml"}, {"shop.a.web", "/shop/tasks.yaml"}, {"shop.web", "/shop/tasks.yaml"}, {"db", ""}, {"shop.db", "/shop/tasks.yaml"},
		{"shop.v2.api", "/shop/tasks.yaml"}, {"s.cron", "/elsewhere/tasks.yaml"}, {"s.made", ""},
	} {
		tasks = append(tasks, task.Info{Name: of.name, Spec: task.Spec{File: of.file}})
	}
	for name, want := range map[string]string{
		"web": "shop.web", "a.web": "shop.a.web", "db": "shop.db", "api": "shop.v2.api", "shop.web": "", "eb": "", "cron": "", "made": "", "none": "",
	} {
		if got := nameIn(tasks, name, "/shop/tasks.yaml"); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
}
