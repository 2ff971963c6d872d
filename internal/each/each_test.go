package each_test

import (
	"errors"
	"runtime"
	"slices"
	"strings"
	"testing"

	"tasks/internal/each"
	"tasks/pkg/task"
)

func TestExpand(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ text, input, want string }{
		{"", "x", ""},
		{"plain", "x", "plain"},
		{"{}", "a b", "a b"},
		{"{}{}", "x", "xx"},
		{"<{}>", "{}", "<{}>"}, // what is put in is not looked at again
		{"{}", "{#}", "{#}"},
		{"{.}", "dir.d/one.tar.gz", "dir.d/one.tar"},
		{"{.}", "dir.d/one", "dir.d/one"},
		{"{.}", ".profile", ".profile"},
		{"{.}", "dir/.profile", "dir/.profile"},
		{"{.}.mp3", "a.wav", "a.mp3"},
		{"{/}", "a/b/c.d", "c.d"},
		{"{/}", "c", "c"},
		{"{//}", "a/b/c.d", "a/b"},
		{"{//}", "c", "."},
		{"{/.}", "a/b/c.d", "c"},
		{"job-{#}", "x", "job-7"},
		{"{x} {", "x", "{x} {"},
		{"{{}} {#", "x", "{x} {#"},
		{"{}", "$(touch x); y", "$(touch x); y"},
	} {
		if got := each.Expand(tt.text, tt.input, 7); got != tt.want {
			t.Errorf("%q of %q is %q, want %q", tt.text, tt.input, got, tt.want)
		}
	}
}

func TestMarked(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"{}", "x{.}", "{/}y", "{//}", "{/.}", "a{#}b"} {
		if !each.Marked(text) {
			t.Errorf("%q has no mark", text)
		}
	}
	for _, text := range []string{"", "x", "{", "}", "{x}", "{ }", "${X}"} {
		if each.Marked(text) {
			t.Errorf("%q has a mark", text)
		}
	}
}

func TestGroup(t *testing.T) {
	t.Parallel()
	for template, want := range map[string]string{
		"enc-{#}": "enc", "{#}-enc": "enc", "{#}": "each", "{}": "each", "a.{/.}_": "a", "x/{#}": "each", "all-{#}": "each", "w{#}w": "ww",
	} {
		if got := each.Group(template); got != want {
			t.Errorf("%q is in %q, want %q", template, got, want)
		}
	}
}

func TestSpecs(t *testing.T) {
	t.Parallel()
	s := task.Spec{Name: "j-{#}", Command: []string{"echo"}, Group: "g", Priority: 3}
	specs, err := each.Specs(s, []string{"a", "b c"}, 5)
	if err != nil || len(specs) != 2 || specs[1].Name != "j-6" || !slices.Equal(specs[1].Command, []string{"echo", "b c"}) || specs[1].Priority != 3 {
		t.Fatalf("%+v, %v", specs, err)
	}
	s.Command = []string{"cp", "{}", "{.}.bak"}
	specs, err = each.Specs(s, []string{"x.c"}, 1)
	if err != nil || !slices.Equal(specs[0].Command, []string{"cp", "x.c", "x.bak"}) || s.Command[1] != "{}" {
		t.Fatalf("%+v, %v", specs, err)
	}
	for _, tt := range []struct {
		name   string
		inputs []string
		want   string
	}{
		{"x", []string{"1", "2"}, `"1" and "2" would both be named x`},
		{"x-{/}", []string{"a/1", "b/1"}, `"a/1" and "b/1" would both be named x-1: put {#} into the name`},
		{"x-{}", []string{"a b"}, `put {#} into the name, in place of the input`},
		{"x-{#}", []string{"a\x00"}, "NUL"},
	} {
		_, err := each.Specs(task.Spec{Name: tt.name, Command: []string{"echo"}}, tt.inputs, 1)
		if !errors.Is(err, task.ErrUsage) || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%s of %q: %v, want %s", tt.name, tt.inputs, err, tt.want)
		}
	}
}

func TestSize(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		command, inputs []string
		most            int
	}{
		{[]string{"echo"}, []string{"abc"}, 60},
		{[]string{strings.Repeat("x", 1000), "{print}", "{}"}, []string{"abc", "def"}, 2200},
		{[]string{"{}{}", "{/}"}, []string{strings.Repeat("x", 1000)}, 3050},
		{[]string{"{}{}"}, nil, 0},
		{make([]string, 1000), make([]string, 1000), 17 << 20},
	} {
		specs, err := each.Specs(task.Spec{Name: "x-{#}", Command: append([]string{"x"}, tt.command...)}, tt.inputs, 1)
		if err != nil {
			t.Fatal(err)
		}
		least := 0
		for _, s := range specs {
			for _, word := range s.Command[1:] {
				least += 16 + len(word)
			}
		}
		if got := each.Size(&task.Spec{Command: tt.command}, tt.inputs); got < least || got > tt.most {
			t.Errorf("%.40q with %d inputs: %d, want %d to %d", tt.command, len(tt.inputs), got, least, tt.most)
		}
	}
	after := task.Spec{Command: []string{"{}"}, Order: task.Order{After: make([]string, 1000)}}
	if got := each.Size(&after, []string{"x"}); got < 16000 {
		t.Errorf("%d bytes with 1000 dependencies", got)
	}
}

// TestLongNames holds that a name which is too long is not made before it is refused.
func TestLongNames(t *testing.T) {
	long := strings.Repeat("x", 15000)
	for _, tt := range []struct{ name, input, want string }{
		{strings.Repeat("{}", 500), long, "input 1: bad name: it has 7500000 bytes, at most 128 are allowed: put {#}"},
		{strings.Repeat("{/}{/.}{.}", 100), long, "it has 4500000 bytes"},
		{strings.Repeat("{//}", 250), long + "/a", "it has 3750000 bytes"},
		{strings.Repeat("{}", 1<<18) + "x", "", "before the marks are replaced it has 524289 bytes, at most 1024 are allowed"},
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := each.Specs(task.Spec{Name: tt.name, Command: []string{"echo"}}, []string{tt.input}, 1)
		runtime.ReadMemStats(&after)
		if made := after.TotalAlloc - before.TotalAlloc; !errors.Is(err, task.ErrUsage) || !strings.Contains(err.Error(), tt.want) || made > 1<<20 {
			t.Errorf("%.20q of %.20q makes %d bytes: %.200v", tt.name, tt.input, made, err)
		}
	}
	name := strings.Repeat("{//}", 127) + "{#}"
	if specs, err := each.Specs(task.Spec{Name: "x" + name, Command: []string{"echo"}}, []string{"a"}, 1); err == nil || specs != nil {
		t.Errorf("%v, %v", specs, err) // 129 characters
	}
	if specs, err := each.Specs(task.Spec{Name: "x" + name[4:], Command: []string{"echo"}}, []string{"a"}, 1); err != nil || len(specs[0].Name) != task.MaxName {
		t.Errorf("%v, %v", specs, err)
	}
}
