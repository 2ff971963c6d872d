package cli

import (
	"fmt"
	"testing"

	"tasks/pkg/task"
)

// What an exit shows starts all that it stopped again, and where that can be said in short
// nothing else.
func TestStartsAgain(t *testing.T) {
	t.Parallel()
	of := func(n int, group string) (all []task.Info) {
		for i := range n {
			all = append(all, task.Info{Name: fmt.Sprintf("%s-%d", group, i+1), Group: group})
		}
		return all
	}
	alone := []task.Info{{Name: "a"}, {Name: "b"}, {Name: "c"}, {Name: "d"}, {Name: "e"}}
	for _, tt := range []struct {
		stopped, before []task.Info
		want            string
	}{
		{of(4, "enc"), nil, "'tasks start enc-1 enc-2 enc-3 enc-4'"},
		{of(4, "enc"), of(9, "enc"), "'tasks start enc-1 enc-2 enc-3 enc-4'"},
		{of(5, "enc"), nil, "'tasks start -g enc --state stopped'"},
		{of(5, "enc"), alone, "'tasks start -g enc --state stopped'"},
		{append(of(60, "enc"), of(1, "gpu")...), alone, "'tasks start -g enc -g gpu --state stopped'"},
		{of(5, "enc"), of(1, "enc"), "'tasks start enc-1 enc-2 enc-3 enc-4 enc-5'"},
		{alone, nil, "'tasks start --all --state stopped'"},
		{alone, of(1, "enc"), "'tasks start a b c d e'"},
		{append(of(60, "enc"), alone...), of(3, "enc"), "'tasks start --all --state stopped', which starts the 3 stopped before as well"},
	} {
		if got := startsAgain(tt.stopped, tt.before); got != tt.want {
			t.Errorf("%d stopped, %d before: %s, not %s", len(tt.stopped), len(tt.before), got, tt.want)
		}
	}
}
