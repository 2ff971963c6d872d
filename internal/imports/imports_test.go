// Package imports holds the direction of the imports.
package imports

import (
	"os/exec"
	"slices"
	"strings"
	"testing"
)

// forbidden says what a package must not depend on, even indirectly, and why.
var forbidden = []struct {
	pkg  string
	deps []string
	why  string
}{
	{"tasks/internal/failpoint", []string{"tasks", "."}, "anything may pass a point"},
	{"tasks/pkg/task", []string{"tasks/internal", "tasks/pkg", "."}, "the vocabulary depends on the standard library alone"},
	{"tasks/internal/option", []string{"tasks/internal", "tasks/pkg", "."}, "the table of options knows the vocabulary alone"},
	{"tasks/pkg/engine", []string{"tasks/internal", "tasks/pkg", "."}, "an engine depends on the vocabulary alone"},
	{"tasks/internal/lifecycle", []string{"tasks/internal", "tasks/pkg", "."}, "the state machine is pure"},
	{"tasks/internal/deps", []string{"tasks/internal", "tasks/pkg", "."}, "what comes after what is decided from names alone"},
	{"tasks/internal/alarm", []string{"tasks", "."}, "a timer knows no task"},
	{"tasks/internal/trust", []string{"tasks", "."}, "users and groups know no task"},
	{"tasks/internal/room", []string{"tasks", "."}, "an error tells alone"},
	{"tasks/internal/hooks", []string{"tasks/pkg/supervisor", "tasks/internal/lifecycle", "tasks/internal/queue", "tasks/internal/process", "os/exec", "."}, "lines are run by any shell, after the run of any task"},
	{"tasks/internal/retention", []string{"tasks/pkg/supervisor", "tasks/internal/store", "."}, "what is forgotten is decided from the vocabulary alone"},
	{"tasks/internal/cron", []string{"tasks/internal", "tasks/pkg/supervisor", "tasks/pkg/serve", "tasks/pkg/client", "os/exec"}, "times are computed from times, and the vocabulary"},
	{"tasks/internal/queue", []string{"tasks/internal", "tasks/pkg", "."}, "who runs next is decided from tickets alone"},
	{"tasks/internal/plan", []string{"tasks/internal/server", "tasks/internal/store", "tasks/internal/process", "tasks/internal/taskfile", "tasks/internal/lifecycle", "tasks/internal/queue", "tasks/pkg/supervisor", "tasks/pkg/client", "os/exec", "."}, "what a change means is decided from the vocabulary alone"},
	{"tasks/internal/each", []string{"tasks/internal", "tasks/pkg", "."}, "inputs become specs, and nothing else"},
	{"tasks/pkg/supervisor", []string{"tasks/internal/server", "tasks/internal/store", "tasks/internal/process", "tasks/internal/socket", "."}, "an embedded supervisor needs no daemon"},
	{"tasks/pkg/client", []string{"tasks/pkg/supervisor", "tasks/internal/server", "tasks/internal/daemon", "github.com/"}, "a client knows the socket only, and starts fast"},
	{"tasks/internal/server", []string{"tasks/internal/daemon", "tasks/internal/process", "tasks/internal/store", "tasks/internal/cli"}, "the server serves any supervisor"},
	{"tasks/internal/process", []string{"tasks/pkg/supervisor", "os/exec"}, "engines know the vocabulary only; os/exec would fight the reaper"},
	{"tasks/internal/ready", []string{"tasks/pkg/supervisor", "tasks/internal/process", "net/http", "os/exec"}, "checks know the vocabulary and the logs; net/http costs every command 1.5 ms"},
	{"tasks/internal/store", []string{"tasks/pkg/supervisor"}, "the store knows records only"},
	{"tasks/internal/taskfile", []string{"tasks/internal/server", "tasks/internal/process", "tasks/internal/store", "tasks/internal/cli", "tasks/internal/protocol", "tasks/pkg/supervisor", "tasks/pkg/client", "os/exec"}, "a tasks file says what is to run, and starts nothing"},
	{"tasks/internal/daemon", []string{"tasks/internal/cli", "github.com/spf13"}, "the daemon knows no command line"},
}

// sole says who alone may import a module.
var sole = map[string]string{
	"github.com/netresearch/go-cron":    "tasks/internal/cron",
	"github.com/goccy/go-yaml":          "tasks/internal/taskfile",
	"github.com/olekukonko/tablewriter": "tasks/internal/cli",
	"github.com/sevlyar/go-daemon":      "tasks/internal/daemon",
	"go.etcd.io/bbolt":                  "tasks/internal/store",
}

func golist(t *testing.T, args ...string) []string {
	t.Helper()
	out, err := exec.Command("go", append([]string{"list"}, args...)...).Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	return strings.Fields(string(out))
}

func TestDirection(t *testing.T) {
	for _, f := range forbidden {
		for _, dep := range golist(t, "-deps", f.pkg) {
			if dep == f.pkg {
				continue
			}
			for _, bad := range f.deps {
				third := bad == "." && strings.Contains(strings.SplitN(dep, "/", 2)[0], ".") && !strings.HasPrefix(dep, "vendor/")
				if third && !pure(dep) || bad != "." && strings.HasPrefix(dep, bad) && !allowed(f.pkg, dep) {
					t.Errorf("%s depends on %s: %s", f.pkg, dep, f.why)
				}
			}
		}
	}
}

// pure tells a module of others that every package may depend on through ours: it
// computes, and starts, opens and waits for nothing; or it is the system calls.
func pure(dep string) bool {
	return strings.HasPrefix(dep, "github.com/netresearch/go-cron") || strings.HasPrefix(dep, "golang.org/x/sys/unix")
}

// allowed are the steps downwards within what is forbidden as a whole.
func allowed(pkg, dep string) bool {
	switch pkg {
	case "tasks/pkg/engine", "tasks/internal/lifecycle", "tasks/internal/deps", "tasks/internal/queue", "tasks/internal/each", "tasks/internal/option":
		return dep == "tasks/pkg/task"
	}
	return false
}

func TestSoleImporters(t *testing.T) {
	for _, pkg := range golist(t, "tasks/...") {
		for _, imp := range golist(t, "-f", `{{join .Imports "\n"}}`, pkg) {
			for module, only := range sole {
				if strings.HasPrefix(imp, module) && pkg != only {
					t.Errorf("%s imports %s: that is for %s alone", pkg, imp, only)
				}
			}
		}
	}
}

func TestForbiddenNamesExist(t *testing.T) {
	all := golist(t, "tasks/...")
	for _, f := range forbidden {
		if !slices.Contains(all, f.pkg) {
			t.Errorf("there is no %s any more: adapt this test", f.pkg)
		}
	}
}
