package client

import (
	"bytes"
	"encoding/json"
	"fmt"
	"iter"
	"path"
	"slices"
	"strings"

	"tasks/internal/protocol"
	"tasks/pkg/task"
)

// checkReply refuses what no supervisor has: names go into paths, and among others
// onto lines of their own.
func checkReply(tasks []task.Info) error {
	for i := range tasks {
		if err := task.CheckName(tasks[i].Name); err != nil { // no mistake of the caller's
			return badReply("%v", err)
		}
	}
	return nil
}

// readTasks is json.Unmarshal of many tasks, one after the other: names that many of
// them come after are kept once.
func readTasks(text []byte, result any) error {
	tasks := result.(*[]task.Info)
	if !bytes.HasPrefix(text, []byte("[")) {
		return json.Unmarshal(text, tasks)
	}
	dec := json.NewDecoder(bytes.NewReader(text))
	if _, err := dec.Token(); err != nil {
		return err
	}
	names := make(map[string]string)
	*tasks = []task.Info{}
	for dec.More() {
		flat := new(task.Info).Flat()
		if err := dec.Decode(flat); err != nil {
			return err
		}
		t := flat.Info()
		for _, list := range [][]string{t.After, t.Spec.After, t.Spec.AfterEnded} {
			for i, name := range list {
				if known, ok := names[name]; ok {
					list[i] = known
				} else {
					names[name] = name
				}
			}
		}
		if slices.Equal(t.After, t.Spec.After) {
			t.Spec.After = t.After
		}
		*tasks = append(*tasks, *t)
	}
	return nil
}

func badReply(format string, args ...any) error {
	return fmt.Errorf("cannot read the supervisor's reply: "+format, args...)
}

// checkReached refuses tasks that the request did not name, and where it has succeeded
// a reply without one that it did: its caller would take that for done.
func checkReached(params any, tasks []task.Info, succeeded bool) error {
	asked, must := named(params)
	if err := asked.only(tasks); err != nil || !succeeded {
		return err
	}
	if p, ok := params.(protocol.Each); ok && len(tasks) != len(p.Inputs) {
		return badReply("it has %d tasks of %d", len(tasks), len(p.Inputs))
	}
	reached := make(map[string]bool, len(tasks))
	for i := range tasks {
		for name := range asked.namesFor(&tasks[i]) {
			reached[name] = true
		}
	}
	for _, name := range asked.names {
		switch {
		case must == none, must == one && len(tasks) > 0, isGlob(name):
		case !reached[name]:
			return badReply("task %s is missing", name)
		}
	}
	return nil
}

// A nameSet is the names and globs by which a request selects tasks; none: it may be for others.
type nameSet struct {
	names []string
	plain map[string]bool
	globs []string
	short bool // names may leave out the project
}

func newNameSet(names []string, short bool) *nameSet {
	s := &nameSet{names: names, plain: make(map[string]bool, len(names)), short: short}
	for _, name := range names {
		if s.plain[name] = true; isGlob(name) {
			s.globs = append(s.globs, name)
		}
	}
	return s
}

// only refuses tasks that were not asked for.
func (s *nameSet) only(tasks []task.Info) error {
	for i := range tasks {
		if len(s.names) > 0 && !s.has(&tasks[i]) {
			return badReply("task %s was not asked for", tasks[i].Name)
		}
	}
	return nil
}

func (s *nameSet) has(t *task.Info) bool {
	for name := range s.namesFor(t) {
		if s.plain[name] {
			return true
		}
	}
	return slices.ContainsFunc(s.globs, func(glob string) bool {
		ok, _ := path.Match(glob, t.Name)
		return ok
	})
}

// namesFor yields the names by which t may have been asked for.
func (s *nameSet) namesFor(t *task.Info) iter.Seq[string] {
	return func(yield func(string) bool) {
		for name, more := t.Name, true; more && yield(name) && s.short; {
			_, name, more = strings.Cut(name, ".")
		}
	}
}

func isGlob(name string) bool { return strings.ContainsAny(name, "*?[") }

// How many of the tasks that a request names its reply must have.
type count int

const (
	none count = iota // some may be passed over
	one
	all
)

// named is the names and globs of a request for which its reply may have no other
// tasks; none where there are others, as those of a group.
func named(params any) (*nameSet, count) {
	switch p := params.(type) {
	case protocol.Start:
		if p.Name != "" {
			return newNameSet([]string{p.Name}, false), all
		}
		return onlyNames(task.Selector{Names: p.Names, All: p.All, Group: p.Group, Groups: p.Groups}), all
	case protocol.Apply:
		var names []string
		for i := range p.Tasks {
			names = append(names, p.Tasks[i].Name)
		}
		return newNameSet(names, false), all
	case protocol.Stop:
		return onlyNames(p.Selector), all
	case protocol.Edit:
		return onlyNames(p.Selector), all
	case protocol.Retry:
		return onlyNames(p.Selector), all
	case protocol.Restart:
		return onlyNames(p.Selector), all
	case protocol.Signal:
		return onlyNames(p.Selector), all
	case protocol.Turn:
		return onlyNames(p.Selector), all
	case protocol.Wait:
		if p.Any {
			return onlyNames(p.Selector), one
		}
		return onlyNames(p.Selector), all
	case protocol.Remove:
		if p.Ended || p.Finished || len(p.States) > 0 {
			return onlyNames(p.Selector), none
		}
		return onlyNames(p.Selector), all
	case protocol.List: // one may have been removed as it was listed
		return onlyNames(p.Selector), none
	}
	return newNameSet(nil, false), none
}

// onlyNames is the names of sel where it selects by names alone.
func onlyNames(sel task.Selector) *nameSet {
	if sel.All || len(sel.InGroups()) > 0 {
		return newNameSet(nil, false)
	}
	return newNameSet(sel.Names, sel.Dir != "")
}
