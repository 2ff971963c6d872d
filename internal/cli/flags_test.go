package cli

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// everyCommand calls f for each command there is.
func everyCommand(root *cobra.Command, f func(*cobra.Command)) {
	f(root)
	for _, c := range root.Commands() {
		everyCommand(c, f)
	}
}

// Every flag is a list, a selector, a single value or global: none of a command
// can be given twice and have one of its values ignored.
func TestEveryFlagGivenTwice(t *testing.T) {
	t.Parallel()
	lists := []string{"after", "after-ended", "env", "env-file", "state", "success-codes", "ulimit", "unset", "unset-env"}
	singles := 0
	root := newRoot(newEnv(), nil)
	everyCommand(root, func(cmd *cobra.Command) {
		cmd.LocalNonPersistentFlags().VisitAll(func(f *pflag.Flag) {
			what := cmd.CommandPath() + " --" + f.Name
			switch v := f.Value.(type) {
			case *singleValue:
				singles++
				one, other := twoValues(v)
				for _, first := range []string{one, one} { // the same twice is as good as once
					if err := v.Set(first); err != nil {
						t.Errorf("%s %s: %v", what, first, err)
					}
				}
				if err := v.Set(other); err == nil || err.Error() != "--"+f.Name+" given twice: give one value" {
					t.Errorf("%s %s, and then %s: %v", what, one, other, err)
				}
			case *groupNames:
				if f.Name != "group" || v.Set("a") != nil || v.Set("b") != nil || v.Set("a") != nil || v.String() != "a,b" {
					t.Errorf("%s does not add up: %q", what, v)
				}
			case pflag.SliceValue:
				one, other := "a", "b"
				switch f.Name {
				case "success-codes":
					one, other = "1", "2"
				case "ulimit":
					one, other = "core=0", "cpu=1"
				}
				if !slices.Contains(lists, f.Name) || f.Value.Set(one) != nil || f.Value.Set(other) != nil || len(v.GetSlice()) != 2 {
					t.Errorf("%s is not known as a list, or does not add up: %q", what, v.GetSlice())
				}
			default:
				t.Errorf("%s is of no kind: %T", what, v)
			}
		})
		if cmd.HasParent() && cmd.HasPersistentFlags() {
			t.Errorf("%s has global flags", cmd.CommandPath())
		}
	})
	if singles < 50 {
		t.Errorf("there are %d single values", singles)
	}
}

// twoValues are two that the flag can have.
func twoValues(v *singleValue) (one, other string) {
	switch v.flag.Name {
	case "umask":
		return "022", "027"
	case "backoff":
		return "1s..2s", "1s..3s"
	case "slots":
		return "1", "none"
	}
	switch v.Type() {
	case "string":
		return "a", "b"
	case "int":
		return "1", "2"
	case "bool":
		return "true", "false"
	case "duration":
		return "1s", "2s"
	}
	return "1MiB", "2MiB"
}

// The same value in another notation does not count as a second one.
func TestFlagGivenTwiceAlike(t *testing.T) {
	t.Parallel()
	for _, args := range []string{
		"--umask 022 --umask 0022", "--umask 22 --umask 00022", "--stop-signal TERM --stop-signal SIGTERM --stop-signal 15", "--restart always --backoff 60s..2m --backoff 1m..120s",
		"--timeout 60s --timeout 1m", "--nice 1 --nice 01", "--log-max-size 1m --log-max-size 1024k",
	} {
		var errs bytes.Buffer
		e := newEnv()
		e.err, e.color = &errs, "never"
		e.socket = "/nowhere/socket"
		if code := e.run(strings.Fields("start x " + args + " -- true")); code != noSupervisor {
			t.Errorf("%s: exit code %d, %q", args, code, errs.String())
		}
	}
}

// Of --json and --output the last counts; --quiet goes with neither, but for names
// where a list prints those anyway.
func TestOutputFlags(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		args, output string // "": refused
		quiet        bool
	}{
		{"list", "table", false}, {"list --json", "json", false}, {"list -o wide --json", "json", false}, {"list --json -o wide", "wide", false},
		{"list --json --json=false", "table", false}, {"list -q", "name", true}, {"list -q -o name", "name", true}, {"group -q -o name", "name", true},
		{"group list -o name -q", "name", true}, {"list -q --json", "", false}, {"list -q -o wide", "", false}, {"list -q -o table", "", false},
		{"group list --json -q", "", false}, {"group set g --slots 1 -q --json", "", false}, {"start x -q --json -- true", "", false}, {"stop x -q -o name", "", false},
		{"info --json --quiet", "", false}, {"wait x -q --json", "", false}, {"serve -q --json", "", false}, {"version -q --json", "", false},
		{"up -q --json", "", false}, {"events -q --json", "", false}, {"info --json --quiet=false", "json", false},
	} {
		var errs bytes.Buffer
		e := newEnv()
		e.out, e.err, e.color = new(bytes.Buffer), &errs, "never"
		e.socket = "/nowhere/socket"
		code := e.run(strings.Fields(tt.args))
		if tt.output == "" {
			if code != wrongUsage || !strings.HasPrefix(errs.String(), "tasks: --quiet and --output ") || strings.Count(errs.String(), "\n") != 1 {
				t.Errorf("%s: exit code %d, %q", tt.args, code, errs.String())
			}
		} else if code != noSupervisor || e.output != tt.output || e.quiet != tt.quiet {
			t.Errorf("%s: exit code %d, %q, output %s, quiet %t", tt.args, code, errs.String(), e.output, e.quiet)
		}
	}
}

func TestFlagGivenTwice(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ args, says string }{
		{"start x --ready-cmd a --ready-cmd b -- true", "--ready-cmd given twice"},
		{"start x --on-exit a --on-exit b -- true", "--on-exit given twice"},
		{"start x -c a -c b", "--command given twice"},
		{"start x -g a -g b -- true", "--group given twice: a task is in one group"},
		{"start x -C / --cwd=/tmp -- true", "--cwd given twice"},
		{"start x --wait --wait=ready -- true", "--wait given twice"},
		{"start x --timeout 1m --timeout 61s -- true", "--timeout given twice"},
		{"start x --replace --replace=false -- true", "--replace given twice"},
		{"start x --umask 022 --umask 0027 -- true", "--umask given twice"},
		{"start x --umask 022 --umask 9 -- true", "--umask given twice"},
		{"start x --stop-signal TERM --stop-signal 14 -- true", "--stop-signal given twice"},
		{"each x-{} --jobs 1 --jobs 2 -- true", "--jobs given twice"},
		{"up -f a -f b", "--file given twice"},
		{"stop x -t 1s -t 2s", "--timeout given twice"},
		{"logs x --run 1 --run 2", "--run given twice"},
		{"group set g --slots 1 --slots 2", "--slots given twice"},
		// One value, but an empty one.
		{"stop -g =", "--group has no value"},
		{"clean --group=", "--group has no value"},
		{"start x --ready-cmd= -- true", "--ready-cmd has no value"},
		{"start x --after= -- true", "--after has no value"},
		{"start x --env-file= -- true", "--env-file has no value"},
		{"start x --success-codes= -- true", "bad --success-codes"},
		{"up --file=", "--file has no value"},
		{"logs x --grep=", "--grep has no value"},
		{"list --socket=", "--socket has no value"},
		{"start x --cwd= -- true", `bad --cwd "": it is empty`},
	} {
		args := strings.Fields(tt.args)
		for i := range args {
			if args[i] == "=" {
				args[i] = ""
			}
		}
		var errs bytes.Buffer
		e := newEnv()
		e.err, e.color = &errs, "never"
		e.socket = "/nowhere/socket"
		if code := e.run(args); code != wrongUsage || !strings.HasPrefix(errs.String(), "tasks: "+tt.says) || strings.Count(errs.String(), "\n") != 1 {
			t.Errorf("%s: exit code %d, %q", tt.args, code, errs.String())
		}
	}
}
