package taskfile

import (
	"errors"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"tasks/pkg/task"
)

func TestProcfile(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"Procfile":     "\ufeff# comment\r\nweb: bundle exec rails server -p $PORT\r\n\r\n  worker:   ./worker --url http://x:1/ # not a comment of ours\nclock_2:./clock\n",
		".env":         "A=env\nB='b b'\n",
		"dev/Procfile": "web: x",
		"dev/.env":     "PORT=3000",
	})
	f, err := Load(filepath.Join(dir, "Procfile"), []string{"A=caller", "HOME=/root"})
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range []task.Spec{
		{Name: "web", Command: []string{"sh", "-c", "bundle exec rails server -p $PORT"}},
		{Name: "worker", Command: []string{"sh", "-c", "./worker --url http://x:1/ # not a comment of ours"}},
		{Name: "clock_2", Command: []string{"sh", "-c", "./clock"}},
	} {
		s := f.Tasks[i]
		env := map[string]string{"A": "env", "B": "b b", "HOME": "/root", "PORT": []string{"5000", "5100", "5200"}[i]}
		if s.Name != want.Name || !slices.Equal(s.Command, want.Command) || s.Cwd != dir || s.File != f.Path || s.Restart != task.RestartNo ||
			!maps.Equal(s.Env.Map(), env) || !slices.Equal(s.EnvNames, []string{"A", "B", "PORT"}) || s.Check() != nil {
			t.Errorf("%+v with %v", s, s.Env.Map())
		}
	}
	for _, tt := range []struct{ path, environ, want string }{
		{"Procfile", "PORT=8000", "8000"},
		{"dev/Procfile", "PORT=8000", "3000"}, // as foreman has it
		{"dev/Procfile", "A=1", "3000"},
		{"Procfile", "PORT=", "5000"},
	} {
		f, err := Load(filepath.Join(dir, tt.path), []string{tt.environ})
		if err != nil || f.Tasks[0].Env.Map()["PORT"] != tt.want {
			t.Errorf("%+v: %+v, %v", tt, f, err)
		}
	}
}

func TestProcfileFaults(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"web: x\n  web : y":                "Procfile:2:3: duplicate task web: it is in line 1 already",
		"web x":                            "Procfile:1:1: this is not NAME: COMMAND, such as web: ./server",
		"web:":                             "Procfile:1:1: this is not NAME: COMMAND, such as web: ./server",
		"a b: c":                           "Procfile:1:1: bad name \"a b\": use a letter or digit, then letters, digits, '.', '_', '-' or '@'",
		"web: \xff":                        "Procfile:1:6: this is not UTF-8 text",
		"web: a\x00b":                      "Procfile:1:1: argument 2 of the command has a NUL byte",
		strings.Repeat("\n", 3) + "all: x": "Procfile:4:1: bad name \"all\": \"all\" means every task",
	} {
		if _, err := parse("Procfile", "/nowhere/Procfile", text, nil); err == nil || err.Error() != want || !errors.Is(err, task.ErrUsage) {
			t.Errorf("%q\n got %v\nwant %s", text, err, want)
		}
	}
	for port, want := range map[string]string{
		"x":     `bad PORT: give a number from 1 to 65535, here or in .env`,
		"0":     `bad PORT: give a number from 1 to 65535, here or in .env`,
		"65500": "Procfile:2:1: there is no PORT left for b: begin with a lower one",
	} {
		if _, err := parse("Procfile", "/nowhere/Procfile", "a: x\nb: x", []string{"PORT=" + port}); err == nil || err.Error() != want || !errors.Is(err, task.ErrUsage) {
			t.Errorf("%s: %v; want %s", port, err, want)
		}
	}
	dir := write(t, map[string]string{"Procfile": "a: x", ".env": "A B"})
	if _, err := Load(filepath.Join(dir, "Procfile"), nil); err == nil || err.Error() != dir+`/.env:1:3: not NAME=VALUE: a name has letters, digits, '_', '.', '-', '[' and ']'` || !errors.Is(err, task.ErrUsage) {
		t.Error(err)
	}
}
