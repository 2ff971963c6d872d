package taskfile

import (
	"errors"
	"maps"
	"path/filepath"
	"strings"
	"testing"

	"tasks/pkg/task"
)

// The variables of a list of files are those of your environment, of .env, of
// earlier files and of earlier lines.
func TestEnvFileReferences(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		".env":  "DOT=dot\nBOTH=dot\nFROM=${CALLER}\n",
		"a.env": "CALLER=a\nBOTH=a\nA=$CALLER $DOT $BOTH $FROM",
		"b.env": "B=$A|$NO|\nDOT",
		"tasks.yaml": "tasks:\n  a: {command: x, clear_env: true, env_file: [/dev/null, a.env, b.env]}\n" +
			"  b: {command: x, clear_env: true, env_file: b.env}\n  c: {command: x, clear_env: true, env_file: [a.env, b.env], env: {D: $DOT$BOTH}}",
	})
	f, err := Load(filepath.Join(dir, "tasks.yaml"), []string{"CALLER=me"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []map[string]string{
		{"CALLER": "a", "BOTH": "a", "A": "me dot dot me", "B": "me dot dot me||", "DOT": "dot"},
		{"B": "||", "DOT": "dot"},
		{"CALLER": "a", "BOTH": "a", "A": "me dot dot me", "B": "me dot dot me||", "DOT": "dot", "D": "dotdot"},
	} {
		if got := f.Tasks[i].Env.Map(); !maps.Equal(got, want) {
			t.Errorf("%s: %q; want %q", f.Tasks[i].Name, got, want)
		}
	}
	unset := "/b.env:1:6: the value of B refers to a variable, which is not set: taken as empty; $$ is a dollar"
	if len(f.Remarks) != 2 || f.Remarks[0] != dir+unset { // $NO and, where a.env is not read before, $A
		t.Errorf("remarks %q", f.Remarks)
	}
	if _, err := Load(filepath.Join(dir, "tasks.yaml"), []string{"CALLER=\xff"}); err == nil ||
		!strings.HasSuffix(err.Error(), dir+"/.env:3:6: the value of FROM: CALLER is not UTF-8 text in your environment") {
		t.Error(err)
	}
}

func TestHome(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"home/x.env": "X=1", "home/sub/y": ""})
	const text = "tasks:\n  a: {command: x, cwd: \"~/sub\", env_file: ~/x.env}\n  b: {command: x, cwd: \"~\"}\n  c: {command: ~/x, cwd: ./~/x}"
	f, err := parse("tasks.yaml", "/nowhere/tasks.yaml", text, []string{"HOME=" + dir + "/home"})
	if err != nil {
		t.Fatal(err)
	}
	if f.Tasks[0].Cwd != dir+"/home/sub" || f.Tasks[0].Env.Map()["X"] != "1" || f.Tasks[1].Cwd != dir+"/home" || f.Tasks[2].Cwd != "/nowhere/~/x" || f.Tasks[2].Command[2] != "~/x" {
		t.Errorf("%+v", f.Tasks)
	}
	if err := f.CheckDirs(); err == nil || err.Error() != "tasks.yaml:4:26: cwd: there is no directory /nowhere/~/x" {
		t.Error(err)
	}
	for _, text := range []string{"tasks: {a: {command: x, cwd: ~bob/x}}", "tasks: {a: {command: x, env_file: ~bob/x}}", "tasks: {a: {command: x, cwd: ~/x}}"} {
		if _, err := parse("f", "/nowhere/f", text, nil); err == nil || !errors.Is(err, task.ErrUsage) || !strings.Contains(err.Error(), ": use the whole path") {
			t.Errorf("%s: %v", text, err)
		}
	}
}

func TestCheckDirs(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"d/x": "", "tasks.yaml": `tasks:
  a: {command: x, cwd: d}
  b: {command: x, instances: 5, cwd: none}
  c: {command: x, cwd: d/x}
  d: {command: x, cwd: d/x/y}
  e: {command: x}
`})
	f, err := Load(filepath.Join(dir, "tasks.yaml"), nil)
	if err != nil {
		t.Fatal(err)
	}
	want := "D/tasks.yaml:3:38: cwd: there is no directory D/none\nD/tasks.yaml:4:24: cwd: D/d/x is not a directory\nD/tasks.yaml:5:24: cwd: D/d/x/y: not a directory"
	if err := f.CheckDirs(); err == nil || strings.ReplaceAll(err.Error(), dir, "D") != want || !errors.Is(err, task.ErrUsage) {
		t.Errorf("%v; want %s", err, want)
	}
}
