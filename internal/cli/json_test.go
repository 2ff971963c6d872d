package cli

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"tasks/pkg/task"
)

// pieces remembers the longest of what is written.
type pieces struct {
	bytes.Buffer
	longest int
}

func (p *pieces) Write(b []byte) (int, error) {
	p.longest = max(p.longest, len(b))
	return p.Buffer.Write(b)
}

// Many tasks are printed as one value would be, and never all at once.
func TestManyTasksAsJSON(t *testing.T) {
	t.Parallel()
	for _, n := range []int{0, 1, 2, 1000} {
		var tasks []task.Info
		for i := range n {
			s := task.Info{Name: fmt.Sprint("t", i), Reason: "<&>", Spec: task.Spec{Name: "x"}}
			for j := range n {
				s.After = append(s.After, fmt.Sprint("t", j))
			}
			tasks = append(tasks, s)
		}
		var out pieces
		e := newEnv()
		e.out, e.output = &out, "json"
		if err := e.printTasks(tasks); err != nil {
			t.Fatal(err)
		}
		want := "[]\n"
		if n > 0 {
			var text bytes.Buffer
			enc := json.NewEncoder(&text)
			enc.SetEscapeHTML(false)
			enc.SetIndent("", "  ")
			if err := enc.Encode(tasks); err != nil {
				t.Fatal(err)
			}
			want = text.String()
		}
		if out.String() != want {
			t.Errorf("%d tasks: %d bytes, not %d: %.300s", n, out.Len(), len(want), strings.ReplaceAll(out.String(), "\n", "⏎"))
		}
		if out.longest > 256<<10 {
			t.Errorf("%d tasks: %d of %d bytes at once", n, out.longest, out.Len())
		}
	}
}
