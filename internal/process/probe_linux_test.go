package process

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"golang.org/x/sys/unix"

	"tasks/pkg/task"
)

// What is missing is said, with what has it. In a process of its own: there it is
// missing for all.
func TestProbe(t *testing.T) {
	t.Parallel()
	h := helper(t, "probe")
	s := start(t, h)
	if e := s.wait(t); e != (task.Exit{}) {
		t.Errorf("%+v", e)
	}
	lines := strings.Split(strings.TrimSpace(s.log(t)), "\n")
	want := []string{
		"<nil>",
		"this system has no prctl(PR_SET_CHILD_SUBREAPER): function not implemented: use Linux 3.4 or later, and no sandbox that forbids it",
		"this system has no waitid: function not implemented: use Linux 2.6.9 or later, and no sandbox that forbids it",
		"this system has no statx: function not implemented: use Linux 4.11 or later, and no sandbox that forbids it",
		"this system has no pidfd_send_signal: function not implemented: use Linux 5.1 or later, and no sandbox that forbids it",
		"this system has no pidfd_open(PIDFD_NONBLOCK): function not implemented: use Linux 5.10 or later, and no sandbox that forbids it",
		"this system has no close_range(CLOSE_RANGE_CLOEXEC): function not implemented: use Linux 5.11 or later, and no sandbox that forbids it",
		"cannot find processes: open /proc/self/stat: function not implemented: mount the /proc of this pid namespace",
	}
	if !slices.Equal(lines, want) {
		t.Errorf("got:\n%s", s.log(t))
	}
}

// playProbe prints what Probe says without each of the calls.
func playProbe() {
	for _, missing := range []string{"", "prctl", "waitid", "statx", "pidfd_send_signal", "pidfd_open", "close_range", "open"} {
		fail(func(c call) error {
			if c.name == missing {
				return unix.ENOSYS
			}
			return nil
		})
		fmt.Println(Probe())
	}
}
