package cli

import (
	"fmt"
	"strings"
	"testing"

	"tasks/internal/option"
	"tasks/pkg/task"
)

// Whatever is set of a task is in the facts about it: each option changes a line.
func TestEveryOptionIsAFact(t *testing.T) {
	t.Parallel()
	lines := []string{
		"--umask 27", "--nice -5", "--ulimit core=0", "--stop-signal HUP", "--stop-timeout 3s", "--restart always", "--restart always --max-restarts 3",
		"--restart always --backoff 2s..4s", "--timeout 1m", "--success-codes 3", "--leave-children", "--on-exit a", "--on-failure a", "--priority 7 -g g",
		"--after a", "--after-ended a", "--delay 1s", "--at 15:04", "--every 5s", "--cron @daily", "--every 5s --overlap queue",
		"--ready-http http://a", "--ready-port 80", "--ready-cmd a", "--ready-log a", "--ready-notify", "--ready-notify --ready-timeout 1s", "--ready-notify --ready-interval 1s",
		"--health-http http://a", "--health-cmd a", "--health-cmd a --health-interval 1s", "--health-cmd a --health-retries 9", "--health-cmd a --health-timeout 1s", "--log-max-size 1MiB", "--log-keep 5",
	}
	for _, line := range lines {
		v, _, says := parsed("start x " + line + " -- run")
		o, ok := v.(*startOptions)
		if !ok {
			t.Fatalf("%s: %s", line, says)
		}
		at := strings.LastIndex(line, "--")
		before := specOf(t, line[:at])
		spec := o.spec.Shown()
		if was, is := fmt.Sprint(specFacts(&before)), fmt.Sprint(specFacts(&spec)); was == is {
			t.Errorf("%s: the facts do not have it: %s", line, is)
		}
	}
	var none task.Spec
	none = none.Shown()
	if got := fmt.Sprint(specFacts(&none)); got != "[[Stop TERM, KILL after 10s] [Restart no]]" {
		t.Errorf("of nothing: %s", got)
	}
	all := make(map[string]bool)
	for _, o := range option.All {
		if all[o.Fact] = true; o.Fact != "" && !strings.Contains(strings.Join(lines, " ")+" ", "--"+o.Flag()+" ") {
			t.Errorf("--%s is not in this table", o.Flag())
		}
	}
	for fact := range factWords {
		if !all[fact] {
			t.Errorf("no option has the fact %s", fact)
		}
	}
}

func specOf(t *testing.T, flags string) task.Spec {
	t.Helper()
	v, _, says := parsed("start x " + flags + " -- run")
	o, ok := v.(*startOptions)
	if !ok {
		t.Fatalf("%s: %s", flags, says)
	}
	return o.spec.Shown()
}
