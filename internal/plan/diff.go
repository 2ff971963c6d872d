package plan

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"tasks/internal/option"
	"tasks/pkg/task"
)

// changes names the keys whose values differ from the wanted ones; nil: none. Environments
// are apart.
func changes(has, want *task.Spec, files Files) []string {
	old, next := normal(*has), normal(*want)
	if files.Same(has.Cwd, want.Cwd) { // by whatever path
		old["cwd"] = next["cwd"]
	}
	var names []string
	for i := range option.All {
		key := option.All[i].Key
		if !bytes.Equal(old[key], next[key]) {
			names = append(names, key)
		}
	}
	if names == nil {
		return nil
	}
	return []string{listed(names) + " changed"}
}

// normal is the keys of s with all defaults filled in, so that what means the
// same is the same.
func normal(s task.Spec) map[string]json.RawMessage {
	s = s.Shown()
	for i := range option.All {
		if o := &option.All[i]; o.Default != "" && o.Text(&s) == "" {
			if err := o.Set(&s, o.Default); err != nil {
				panic(err) // the table has it wrong
			}
		}
	}
	for _, set := range []*[]string{&s.After, &s.AfterEnded} {
		*set = slices.Compact(slices.Sorted(slices.Values(*set)))
	}
	keys := make(map[string]json.RawMessage)
	b, err := json.Marshal(s)
	if err == nil {
		err = json.Unmarshal(b, &keys)
	}
	if err != nil {
		panic(err) // a Spec is texts and numbers alone
	}
	return keys
}

// changedEnv names the variables that the file gives or gave to a task, and that
// differ from the tasks file; "" if there are none. Values are secret.
func changedEnv(has *task.Spec, old task.Env, want *task.Spec) string {
	if old == want.Env {
		return ""
	}
	before, after := old.Map(), want.Env.Map()
	if bare(before, has.EnvNames) != bare(after, want.EnvNames) {
		return "the caller's"
	}
	both := slices.Concat(has.EnvNames, want.EnvNames)
	slices.Sort(both)
	var names []string
	for _, name := range slices.Compact(both) {
		was, had := before[name]
		if is, has := after[name]; is != was || has != had {
			names = append(names, name)
		}
	}
	return listed(names)
}

// bare tells that an environment has nothing but what the file gives.
func bare(vars map[string]string, given []string) bool {
	for name := range vars {
		if _, found := slices.BinarySearch(given, name); !found {
			return false
		}
	}
	return true
}

// most is how many names a list tells.
const most = 4

// listed is "a, b and c".
func listed(names []string) string {
	if n := len(names); n > most {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:most-1], ", "), n-most+1)
	}
	if len(names) < 2 {
		return strings.Join(names, "")
	}
	last := len(names) - 1
	return strings.Join(names[:last], ", ") + " and " + names[last]
}
