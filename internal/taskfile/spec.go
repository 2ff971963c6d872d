package taskfile

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"sync"

	"tasks/internal/option"
	"tasks/pkg/task"
)

// specFields are the keys of a task that stands for itself: variables are not expanded, and
// there is no file that paths are relative to.
var specFields = sync.OnceValue(func() []field {
	return slices.DeleteFunc(slices.Clone(taskFields()), func(f field) bool { return f.own })
})

// ReadSpec reads what SpecText writes, and may have been changed since. Of the environment it
// has the variables to set, and with nil those to take away.
func ReadSpec(path, name, text string) (spec task.Spec, env map[string]any, err error) {
	l := &loader{source: newSource(path, text), dir: "/", literal: true}
	spec = task.Spec{Name: name}
	if root := l.document(); root != nil && root.kind != isMap {
		l.report(root.pos, "a task is a mapping with the key command, not %s", root.kind)
	} else if root != nil {
		env = l.spec(root, &spec)
	}
	if len(l.problems) == 0 {
		if err := spec.Check(); err != nil {
			l.report(pos{1, 1}, "%v", err)
		}
	}
	if len(l.problems) > 0 {
		return spec, nil, l.problems
	}
	return spec, env, nil
}

func (l *loader) spec(root *node, spec *task.Spec) (env map[string]any) {
	found := l.fields(root, "the task", root.pos, specFields(), "")
	l.limits(&entry{keys: found})
	for _, f := range specFields() {
		g, ok := found[f.key]
		switch {
		case !ok:
		case f.key == "env":
			env = make(map[string]any)
			for _, p := range g.pair.val.pairs {
				if p.val.kind == isNull {
					env[p.key.text] = nil
				} else if v, ok := l.scalar(p.key.text, p.at(), p.val, aWord); ok {
					env[p.key.text] = v
				}
			}
		default:
			if err := l.set(spec, g); err != nil {
				l.report(g.at(), "%s: %v", f.key, err)
			}
		}
	}
	spec.After, spec.AfterEnded = texts(found["after"]), texts(found["after_ended"])
	return env
}

func texts(g got) (all []string) {
	items, _ := g.val.([]any)
	for _, item := range items {
		all = append(all, item.(string))
	}
	return all
}

// SpecText is s as YAML, without its environment and what has its default.
func SpecText(s *task.Spec) string {
	encoded, _ := json.Marshal(s) // a spec that came as JSON
	values := make(map[string]json.RawMessage)
	json.Unmarshal(encoded, &values)
	var b strings.Builder
	for i := range option.All {
		o := &option.All[i]
		value, set := values[o.Key]
		if o.In == nil || o.Kind == option.Variables || !set || isDefault(o, s) {
			continue
		}
		b.WriteString(o.Key + ": ")
		if c := s.Command; o.Kind == option.Argv && len(c) == 3 && c[0] == "sh" && c[1] == "-c" && strings.TrimSpace(c[2]) != "" {
			b.WriteString(lineOf(c[2]))
		} else {
			b.WriteString(flowOf(value))
		}
		b.WriteByte('\n')
	}
	return b.String()
}

func isDefault(o *option.Option, s *task.Spec) bool {
	var like task.Spec
	return o.Default != "" && o.Set(&like, o.Default) == nil && o.Text(&like) == o.Text(s)
}

// lineOf is a line for sh as YAML: several as a block.
func lineOf(text string) string {
	body := strings.TrimSuffix(text, "\n")
	if !strings.Contains(body, "\n") || strings.ContainsAny(body, "\t\r") || strings.HasSuffix(body, "\n") || strings.ContainsFunc(body, func(r rune) bool { return r < ' ' && r != '\n' || r > '~' }) {
		return quotedLine(text)
	}
	head := "|"
	if body[0] == ' ' || body[0] == '\n' { // the first line with text would say what the indentation is
		head += "2"
	}
	if body == text {
		head += "-"
	}
	return head + "\n  " + strings.ReplaceAll(body, "\n", "\n  ")
}

func quotedLine(text string) string {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.Encode(text)
	return strings.TrimSuffix(b.String(), "\n")
}

// plainWord is what YAML takes for a text without quotes, but for a few words.
var plainWord = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9_./@-]*$`) })

// flowOf is a JSON value as YAML, which JSON is, with fewer quotes.
func flowOf(value json.RawMessage) string {
	var text string
	var list []json.RawMessage
	switch {
	case json.Unmarshal(value, &text) == nil:
		odd := slices.Contains([]string{"true", "false", "yes", "no", "on", "off", "null", "y", "n"}, strings.ToLower(text))
		if odd || !plainWord().MatchString(text) {
			return quotedLine(text)
		}
		return text
	case json.Unmarshal(value, &list) == nil:
		items := make([]string, len(list))
		for i, item := range list {
			items[i] = flowOf(item)
		}
		return "[" + strings.Join(items, ", ") + "]"
	}
	return string(value)
}
