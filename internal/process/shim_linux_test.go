package process

import (
	"context"
	"errors"
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"tasks/pkg/engine"
	"tasks/pkg/task"
)

// attributes are such as this process has not itself.
func attributes() task.Attributes {
	return task.Attributes{Umask: new(task.Umask(0o135)), Nice: new(19), Ulimit: task.Ulimits{"nofile": {Soft: 50, Hard: 60}, "core": {}}}
}

const printAttributes = `umask; nice; ulimit -Sn; ulimit -Hn; ulimit -c`

func TestAttributes(t *testing.T) {
	t.Parallel()
	for _, w := range ways {
		spec := sh(printAttributes + `; cat /proc/$$/comm; exec ls -l /proc/$$/fd`)
		spec.Attributes = attributes()
		s := w.start(t, spec)
		if e := s.wait(t); e != (task.Exit{}) || strings.Contains(s.log(t), "pipe:") {
			t.Errorf("%+v, with the descriptors\n%s", e, s.log(t))
		}
		lines := strings.Split(s.log(t), "\n")
		if want := []string{"0135", "19", "50", "60", "0"}; len(lines) < 6 || !slices.Equal(lines[:5], want) || lines[5] != "sh" {
			t.Errorf("%q", s.log(t))
		}
	}
}

// The variables of Go's runtime are for the task, not for the shim.
func TestAttributesWithVariablesOfGo(t *testing.T) {
	t.Parallel()
	spec := task.Spec{Command: []string{"/usr/bin/env"}, Attributes: attributes()}
	want := []string{"GO=1", "GODEBUG=inittrace=1", "GOMAXPROCS=1", "_GODEBUG=2", "__GO=3"}
	vars := map[string]string{"PATH": "/usr/bin:/bin"}
	for _, kv := range want {
		name, value, _ := strings.Cut(kv, "=")
		vars[name] = value
	}
	spec.Env = env(t, vars)
	s := start(t, spec)
	s.wait(t)
	var got []string
	for line := range strings.Lines(s.log(t)) {
		if line = strings.TrimSpace(line); !strings.HasPrefix(line, "TASKS_") && !strings.HasPrefix(line, "PATH=") {
			got = append(got, line)
		}
	}
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("%q, want %q", got, want)
	}
}

// Lines beside a run have what the run has.
func TestAttributesOfALine(t *testing.T) {
	t.Parallel()
	spec := sh("exec sleep 1000")
	spec.Attributes = attributes()
	output, exit, err := shared.Exec(t.Context(), engine.Launch{Spec: &spec, Run: 1}, printAttributes)
	if want := "0135\n19\n50\n60\n0\n"; output != want || !exit.OK() || err != nil {
		t.Errorf("%q, %+v, %v", output, exit, err)
	}
}

// A program that cannot be executed is an error as ever, and nothing of it is left.
func TestAttributesWithoutAProgram(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for path, want := range map[string]error{dir + "/nothing": syscall.ENOENT, dir: syscall.EACCES, "/etc/passwd": syscall.EACCES} {
		spec := task.Spec{Command: []string{path}, Attributes: attributes()}
		_, err := grouped.try(t, spec)
		if !errors.Is(err, want) || !strings.HasPrefix(err.Error(), `exec "`+path+`": `) {
			t.Errorf("%s: %v", path, err)
		}
	}
}

// With attributes, too, the pid is the main process's, and a stop signals that.
func TestAttributesOfWhatIsStopped(t *testing.T) {
	t.Parallel()
	spec := sh(`trap 'echo told; exit 7' TERM; echo up $$; while :; do sleep 0.1; done`)
	spec.Attributes = attributes()
	s := start(t, spec)
	if p := procOf(t, s.line(t, "up")); p.pid != s.Ref().PID || p.start != s.Ref().Start {
		t.Errorf("%+v is the main process, not %+v", p, s.Ref())
	}
	s.Stop(syscall.SIGTERM)
	if e := s.wait(t); e.Code != 7 {
		t.Errorf("%+v", e)
	}
}

func TestRefusedAttributes(t *testing.T) {
	t.Parallel()
	if os.Geteuid() == 0 {
		t.Skip("root may do all of it")
	}
	for text, a := range map[string]task.Attributes{
		"cannot set nice -20: ":                {Nice: new(-20)},
		"cannot set ulimit nice=40: ":          {Ulimit: task.Ulimits{"nice": {Soft: 40, Hard: 40}}},
		"cannot set ulimit nofile=unlimited: ": {Ulimit: task.Ulimits{"nofile": {Soft: task.Unlimited, Hard: task.Unlimited}}},
	} {
		spec := sh("true")
		spec.Attributes = a
		if _, err := grouped.try(t, spec); err == nil || !strings.HasPrefix(err.Error(), text) {
			t.Errorf("%v", err)
		}
	}
	spec := sh("true")
	spec.Caller.Nice = new(-20) // which nobody asked for
	if e := start(t, spec).wait(t); !e.OK() {
		t.Errorf("%+v", e)
	}
}

// Whatever the kernel refuses, the error names it.
func TestShimReport(t *testing.T) {
	t.Parallel()
	type refused struct {
		settings shimSettings
		step     string
		errno    syscall.Errno
		want     string
	}
	all := []refused{
		{shimSettings{Nice: new(-5)}, niceStep, syscall.EACCES, "cannot set nice -5: permission denied: going below"},
		{shimSettings{Nice: new(-5)}, niceStep, syscall.EINVAL, "cannot set nice -5: invalid argument"},
		{shimSettings{}, "exec", syscall.ENOENT, `exec "program": no such file`},
	}
	for _, name := range task.LimitNames() {
		s := shimSettings{Ulimit: task.Ulimits{name: {Soft: 7, Hard: 7}}}
		all = append(all, refused{s, limitStep + name, syscall.EPERM, "cannot set ulimit " + name + "=7: operation not permitted: raising"},
			refused{s, limitStep + name, syscall.EINVAL, "cannot set ulimit " + name + "=7: invalid argument"})
	}
	for _, tt := range all {
		in, out, err := os.Pipe()
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(out, "%s %d", tt.step, int(tt.errno))
		out.Close()
		err = tt.settings.report(in, "program")
		in.Close()
		if !errors.Is(err, tt.errno) || !strings.HasPrefix(err.Error(), tt.want) {
			t.Errorf("%s: %v, want %s", tt.step, err, tt.want)
		}
	}
}

func TestSettings(t *testing.T) {
	t.Parallel()
	e := &Engine{own: task.Caller{Umask: new(task.Umask(0o22)), Nice: new(0)}}
	limits := task.Ulimits{"core": {}}
	for _, tt := range []struct {
		a    task.Attributes
		want *shimSettings
	}{
		{task.Attributes{}, nil},
		{task.Attributes{Umask: new(task.Umask(0o22)), Nice: new(0), Caller: task.Caller{Umask: new(task.Umask(0o77)), Nice: new(5)}}, nil},
		{task.Attributes{Caller: task.Caller{Umask: new(task.Umask(0o22)), Nice: new(0)}}, nil},
		{task.Attributes{Caller: task.Caller{Umask: new(task.Umask(0o77))}}, &shimSettings{Umask: new(task.Umask(0o77))}},
		{task.Attributes{Umask: new(task.Umask(0)), Caller: task.Caller{Umask: new(task.Umask(0o77))}}, &shimSettings{Umask: new(task.Umask(0))}},
		{task.Attributes{Caller: task.Caller{Nice: new(5)}}, &shimSettings{Nice: new(5), Mild: true}},
		{task.Attributes{Nice: new(5), Caller: task.Caller{Nice: new(7)}}, &shimSettings{Nice: new(5)}},
		{task.Attributes{Ulimit: limits}, &shimSettings{Ulimit: limits}},
	} {
		got := e.settings(&tt.a)
		if !reflect.DeepEqual(got, tt.want) {
			t.Errorf("%+v: %+v, want %+v", tt.a, got, tt.want)
		}
	}
}

// A process tells what another one hands on.
func TestCallerOf(t *testing.T) {
	t.Parallel()
	spec := sh("exec sleep 1000")
	spec.Attributes = attributes()
	c := CallerOf(start(t, spec).Ref().PID)
	if c.Umask == nil || *c.Umask != 0o135 || c.Nice == nil || *c.Nice != 19 {
		t.Errorf("%+v", c)
	}
	if own := CallerOf(0); own.Umask == nil || own.Nice == nil || (own.Without(CallerOf(os.Getpid())) != task.Caller{}) {
		t.Errorf("%+v", own)
	}
	if c := CallerOf(1 << 30); c != (task.Caller{}) {
		t.Errorf("%+v", c)
	}
}

// A supervisor that starts tasks again before it reaps continues if one cannot start.
func TestAttributesWithoutAProgramBeforeReaping(t *testing.T) {
	t.Parallel()
	s := start(t, helper(t, "unbegun"))
	if e := s.wait(t); e != (task.Exit{}) || s.log(t) != "exec \"/no/such/program\": no such file or directory\n" {
		t.Errorf("%+v, %s", e, s.log(t))
	}
}

func playUnbegun() {
	o, begin := options("/"), make(chan struct{})
	o.Begin = begin
	e, err := New(o)
	must(err)
	spec := task.Spec{Name: "no", Command: []string{"/no/such/program"}, Attributes: attributes()}
	_, err = e.Start(context.Background(), engine.Launch{Spec: &spec, Run: 1})
	fmt.Println(err)
	close(begin)
	must(e.Close())
}
