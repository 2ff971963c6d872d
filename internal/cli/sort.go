package cli

import (
	"cmp"
	"slices"
	"strings"
	"time"

	"tasks/pkg/task"
)

// A sortKey is a fact that tasks are sorted by. The least comes first.
type sortKey struct {
	name string
	of   func(t *task.Info, now time.Time) (value float64, ok bool)
}

// sortKeys are those beside the name, which decides between equals.
var sortKeys = []sortKey{
	{"state", func(t *task.Info, _ time.Time) (float64, bool) {
		return float64(slices.Index(task.States(), t.State)), true
	}},
	{"started", func(t *task.Info, now time.Time) (float64, bool) { return since(t.StartedAt, now) }},
	{"ended", func(t *task.Info, now time.Time) (float64, bool) { return since(t.EndedAt, now) }},
	{"duration", func(t *task.Info, now time.Time) (float64, bool) {
		d, ok := duration(t)
		if !ok && t.PID != 0 && !t.StartedAt.IsZero() { // so far
			d, ok = now.Sub(t.StartedAt.Time), true
		}
		return -float64(d), ok
	}},
	{"next", func(t *task.Info, now time.Time) (float64, bool) {
		age, ok := since(t.NextAt, now)
		return -age, ok
	}},
	{"restarts", func(t *task.Info, _ time.Time) (float64, bool) { return -float64(t.Restarts), true }},
	{"priority", func(t *task.Info, _ time.Time) (float64, bool) { return -float64(t.Priority), true }},
	{"place", func(t *task.Info, _ time.Time) (float64, bool) { return float64(t.Place), t.Place > 0 }},
	{"cpu", func(t *task.Info, _ time.Time) (float64, bool) {
		if t.Stats == nil {
			return 0, false
		}
		return -t.Stats.CPUPercent, true
	}},
	{"memory", func(t *task.Info, _ time.Time) (float64, bool) {
		if t.Stats == nil {
			return 0, false
		}
		return -float64(t.Stats.MemoryBytes), true
	}},
}

// since is how long ago something was.
func since(t task.Time, now time.Time) (float64, bool) { return float64(now.Sub(t.Time)), !t.IsZero() }

func sortWords() []string {
	all := []string{"name"}
	for _, k := range sortKeys {
		all = append(all, k.name)
	}
	return all
}

// sortBy is the key of that name, nil for the name itself; -KEY is reversed.
func sortBy(text string) (key *sortKey, reversed bool, err error) {
	name, reversed := strings.CutPrefix(text, "-")
	if name == "name" {
		return nil, reversed, nil
	}
	for i := range sortKeys {
		if sortKeys[i].name == name {
			return &sortKeys[i], reversed, nil
		}
	}
	return nil, false, usage("bad --sort %q: use %s", text, strings.Join(sortWords(), ", "))
}

// usesStats reports whether a key is of what runs use.
func usesStats(text string) bool {
	name := strings.TrimPrefix(text, "-")
	return name == "cpu" || name == "memory"
}

// sortTasks sorts by a key that sortBy knows.
func sortTasks(tasks []task.Info, text string) {
	key, reversed, _ := sortBy(text)
	byName := func(a, b task.Info) int { return task.CompareNames(a.Name, b.Name) }
	slices.SortFunc(tasks, byName)
	now := time.Now()
	switch {
	case key == nil && reversed:
		slices.Reverse(tasks)
	case key != nil:
		slices.SortStableFunc(tasks, func(a, b task.Info) int {
			x, isX := key.of(&a, now)
			y, isY := key.of(&b, now)
			switch {
			case isX != isY && isX:
				return -1
			case isX != isY:
				return 1
			case reversed:
				return cmp.Compare(y, x)
			}
			return cmp.Compare(x, y)
		})
	}
}
