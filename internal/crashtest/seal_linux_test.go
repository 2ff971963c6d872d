package crashtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
)

// build makes the program with args, in a directory that goes with the test.
func build(t *testing.T, args ...string) (dir string) {
	t.Helper()
	dir, err := os.MkdirTemp("", "crash") // a socket's path must be short
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	args = append(append([]string{"build"}, args...), "-o", filepath.Join(dir, "tasks"), "tasks/cmd/tasks")
	if out, err := exec.Command("go", args...).CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	return dir
}

// sealed has this test run in a pid namespace of its own, if there may be one:
// what else this machine runs is then not in its way, and nothing of it can be left.
func sealed(t *testing.T) bool {
	t.Helper()
	if os.Getenv("SEALED") != "" {
		return false
	}
	unshare := []string{"-pf", "--mount-proc", "--kill-child"}
	if os.Geteuid() != 0 || exec.Command("unshare", append(unshare, "true")...).Run() != nil {
		return false
	}
	exe, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	// The shell is the first process there, and reaps what the dead leave.
	cmd := exec.Command("unshare", append(unshare, "sh", "-c", `"$0" -test.v -test.short="$1" -test.run="^$2$"; exit $?`, exe, strconv.FormatBool(testing.Short()), t.Name())...)
	cmd.Env = append(os.Environ(), "SEALED=1")
	cmd.Stdout, cmd.Stderr = t.Output(), t.Output()
	if err := cmd.Run(); err != nil {
		t.Error(err)
	}
	return true
}
