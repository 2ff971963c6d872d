package option

import (
	"reflect"
	"slices"
	"strings"
	"testing"

	"tasks/pkg/task"
)

// Each row of the table is whole, and is about a field of its own that has that name
// as JSON.
func TestTable(t *testing.T) {
	t.Parallel()
	seen := make(map[string]bool)
	topic := 0
	for i := range All {
		o := &All[i]
		if seen[o.Key] {
			t.Errorf("%s is there twice", o.Key)
		}
		seen[o.Key] = true
		at := slices.Index(Topics(), o.Topic)
		if at < topic {
			t.Errorf("%s is not beside the others of its topic, %q", o.Key, o.Topic)
		}
		topic = at
		if o.Help == "" && o.File == "" || strings.HasSuffix(o.Help, ".") || !strings.HasSuffix(o.InFile(), ".") || strings.Contains(o.InFile(), "`") {
			t.Errorf("%s: %q, %q", o.Key, o.Help, o.InFile())
		}
		if (o.Kind == Choice) != (o.Words != nil) {
			t.Errorf("%s: the words %q", o.Key, o.Words)
		}
		if o.In == nil {
			continue
		}
		if key := keyOf(o); key != o.Key {
			t.Errorf("%s is the field %s", o.Key, key)
		}
		if o.Kind == Variables {
			continue
		}
		var s task.Spec
		if text := o.Text(&s); text != "" {
			t.Errorf("%s is %q where it is not set", o.Key, text)
		}
		if o.Default != "" {
			if err := o.Set(&s, o.Default); err != nil {
				t.Errorf("%s: its default: %v", o.Key, err)
			}
		}
	}
}

// keyOf is the JSON name of the field of a spec that o sets.
func keyOf(o *Option) string {
	var s task.Spec
	at := reflect.ValueOf(o.In(&s)).Pointer()
	var find func(v reflect.Value) string
	find = func(v reflect.Value) string {
		for i := range v.NumField() {
			f := v.Type().Field(i)
			if f.Anonymous {
				if key := find(v.Field(i)); key != "" {
					return key
				}
			} else if v.Field(i).Addr().Pointer() == at {
				key, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				return key
			}
		}
		return ""
	}
	return find(reflect.ValueOf(&s).Elem())
}

// A value is shown as it may be given, and a bad value leaves the field unchanged.
func TestValues(t *testing.T) {
	t.Parallel()
	for key, values := range map[string]struct{ good, shown, bad string }{
		"umask": {"27", "0027", "8"}, "nice": {"-5", "-5", "low"}, "ulimit": {"core=0", "core=0", "core"}, "stop_signal": {"SIGHUP", "HUP", ""},
		"stop_timeout": {"90s", "1m30s", "90"}, "restart": {"always", "always", ""}, "max_restarts": {"3", "3", "x"}, "backoff": {"1s..2s", "1s..2s", "1s"},
		"success_codes": {"0,3", "0, 3", "a"}, "leave_children": {"true", "true", "maybe"}, "priority": {"7", "7", "x"}, "after": {"a,b", "a, b", ""},
		"log_max_size": {"1MiB", "1MiB", "big"},
	} {
		o := &All[slices.IndexFunc(All, func(o Option) bool { return o.Key == key })]
		var s task.Spec
		if values.bad != "" {
			if err := o.Set(&s, values.bad); err == nil || o.Text(&s) != "" {
				t.Errorf("%s %s: %v, %q", key, values.bad, err, o.Text(&s))
			}
		}
		if err := o.Set(&s, values.good); err != nil || o.Text(&s) != values.shown {
			t.Errorf("%s %s: %v, %q", key, values.good, err, o.Text(&s))
		}
	}
}
