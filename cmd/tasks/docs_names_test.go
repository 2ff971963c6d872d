package main

import (
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// commandsOf is the flags of each command, as completion has them.
func commandsOf(t *testing.T, program string) map[string][]string {
	t.Helper()
	complete := func(args ...string) (words []string) {
		out, err := exec.Command(program, append([]string{"__complete"}, args...)...).Output()
		if err != nil {
			t.Fatalf("%v: %v", args, err)
		}
		for line := range strings.Lines(string(out)) {
			word, _, _ := strings.Cut(strings.TrimSpace(line), "\t")
			words = append(words, word)
		}
		return words
	}
	known := make(map[string][]string)
	for _, name := range complete("") {
		if !strings.HasPrefix(name, ":") {
			known[name] = complete(name, "--")
		}
	}
	known["group"] = append(known["group"], complete("group", "set", "--")...)
	known["tasks"] = complete("--")
	if len(known) < 20 || !slices.Contains(known["start"], "--ready-http") {
		t.Fatalf("not all commands: %v", known)
	}
	return known
}

var (
	inline   = regexp.MustCompile("`([^`]+)`")
	longFlag = regexp.MustCompile(`(?:^|[ \[])(--[a-z][a-z-]*)`)
	fenced   = regexp.MustCompile("(?ms)^```.*?^```$")
	within   = regexp.MustCompile(`\$\([^)]*\)`) // a command in another
	ofAnyone = []string{"--help", "--version"}
)

// checkNames looks whether the commands and flags that a page has in its text
// are there: `tasks COMMAND --flag`, `COMMAND --flag` and `--flag`.
func checkNames(t *testing.T, page, text string, known map[string][]string) {
	t.Helper()
	for _, found := range inline.FindAllStringSubmatch(fenced.ReplaceAllString(text, ""), -1) {
		words := strings.Fields(found[1])
		command := ""
		switch {
		case len(words) == 0:
			continue
		case words[0] == "tasks" && len(words) > 1 && !strings.HasPrefix(words[1], "-"):
			command = words[1]
			if known[command] == nil {
				t.Errorf("%s: `%s`: there is no such command", page, found[1])
				continue
			}
		case known[words[0]] != nil:
			command = words[0]
		case !strings.HasPrefix(words[0], "--"):
			continue // of another program
		}
		line, _, _ := strings.Cut(within.ReplaceAllString(found[1], ""), " -- ")
		for _, f := range longFlag.FindAllStringSubmatch(line, -1) {
			has := slices.Contains(known[command], f[1]) || slices.Contains(ofAnyone, f[1])
			if command == "" {
				for _, flags := range known {
					has = has || slices.Contains(flags, f[1])
				}
			}
			if !has {
				t.Errorf("%s: `%s`: there is no %s", page, found[1], f[1])
			}
		}
	}
}
