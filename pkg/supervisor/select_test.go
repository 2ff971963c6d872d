package supervisor_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

func TestSelect(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		for _, name := range []string{"web-2", "web-1", "db", "api.v1"} {
			spec := task.Spec{Name: name}
			if strings.HasPrefix(name, "web") {
				spec.Group = "front"
			}
			s.GoSpec(spec, untilStop)
		}
		for _, tt := range []struct {
			sel  supervisor.Selector
			want string
			errs string
		}{
			{supervisor.Selector{}, "", ""},
			{supervisor.Selector{All: true}, "api.v1 db web-1 web-2", ""},
			{supervisor.Selector{Names: []string{"web-2", "db", "web-2"}}, "web-2 db", ""},
			{supervisor.Selector{Names: []string{"web-*", "db", "*"}}, "web-1 web-2 db api.v1", ""},
			{supervisor.Selector{Names: []string{"web-[2-9]", "d?"}}, "web-2 db", ""},
			{supervisor.Selector{Group: "front"}, "web-1 web-2", ""},
			{supervisor.Selector{Group: "front", Names: []string{"db", "web-2"}}, "db web-2 web-1", ""},
			{supervisor.Selector{All: true, Group: "front"}, "", "all is every task: it goes without names and groups"},
			{supervisor.Selector{All: true, Names: []string{"db"}}, "", "all is every task: it goes without names and groups"},
			{supervisor.Selector{Group: "back"}, "", "No such group: back"},
			{supervisor.Selector{Groups: []string{"frnot", "db"}}, "", "No such group: frnot (did you mean front?); No such group: db: it is a task"},
			{supervisor.Selector{Names: []string{"nope", "db", "x*"}}, "db", "No such task: nope; No such task: x*"},
			{supervisor.Selector{Names: []string{"web-[", "[]a]"}}, "", `bad pattern "web-[": syntax error in pattern; bad pattern "[]a]": syntax error in pattern`},
		} {
			got, errs := s.Select(tt.sel)
			var texts []string
			for _, err := range errs {
				texts = append(texts, err.Error())
				if !errors.Is(err, task.ErrNotFound) && !errors.Is(err, task.ErrUsage) {
					t.Errorf("%v has no kind", err)
				}
			}
			if strings.Join(got, " ") != tt.want || strings.Join(texts, "; ") != tt.errs {
				t.Errorf("%+v: %q, %q; want %q, %q", tt.sel, got, texts, tt.want, tt.errs)
			}
			if errs == nil {
				match := tt.sel.Matcher()
				n := 0
				for _, info := range s.List() {
					if match(&info) {
						n++
					}
				}
				if n != len(got) {
					t.Errorf("%+v: Matcher tells %d, Select %d", tt.sel, n, len(got))
				}
			}
		}
	})
}

func TestDidYouMean(t *testing.T) {
	bubble(t, supervisor.Options{}, func(t *testing.T, s *supervisor.Supervisor) {
		for _, name := range []string{"web", "capture", "worker-1", "db", "node12"} {
			s.Go(name, untilStop)
		}
		for name, want := range map[string]string{
			"wbe":       "web",     // neighbours swapped: one edit
			"wed":       "web",     //
			"wxyz":      "",        //
			"wdb":       "web",     // one edit from web; db is too short to be meant
			"ewb":       "web",     //
			"bew":       "",        // two edits below six letters
			"captrue":   "capture", //
			"kaptrue":   "capture", // two edits from six letters on
			"kaptrua":   "",        //
			"worker-2":  "",        // another number
			"worker-11": "",        //
			"worker":    "worker-1",
			"workr-1":   "worker-1",
			"node13":    "",
			"node":      "",
			"nodes12":   "node12",
			"dd":        "", // too short
			"d":         "",
			"dbb":       "", // known ones of two letters are never meant
			"web":       "",
		} {
			if got := s.Similar(name); got != want {
				t.Errorf("Similar(%q) = %q; want %q", name, got, want)
			}
		}
	})
}

func TestKeepEnded(t *testing.T) {
	bubble(t, supervisor.Options{KeepEnded: 2}, func(t *testing.T, s *supervisor.Supervisor) {
		run := func(name string, err error) {
			t.Helper()
			if e := s.Go(name, func(context.Context) error { return err }); e != nil {
				t.Fatal(e)
			}
			time.Sleep(time.Second)
			synctest.Wait()
		}
		s.Go("up", untilStop)
		for i := range 3 {
			run(fmt.Sprint("bad", i), errors.New("no"))
		}
		for i := range 4 {
			run(fmt.Sprint("good", i), nil)
		}
		if got := names(s.List()); got != "bad0:failed bad1:failed bad2:failed good2:done good3:done up:running" {
			t.Errorf("failed ones stay for a day: %s", got)
		}
		run("good2", nil) // is now younger than good3
		run("good4", nil)
		if got := names(s.List()); got != "bad0:failed bad1:failed bad2:failed good2:done good4:done up:running" {
			t.Errorf("the oldest goes: %s", got)
		}
		time.Sleep(24 * time.Hour)
		run("good5", nil)
		if got := names(s.List()); got != "good4:done good5:done up:running" {
			t.Errorf("after a day: %s", got)
		}
	})
}

func TestKeepEndedOfManyAtOnce(t *testing.T) {
	st := newMemory()
	bubble(t, supervisor.Options{KeepEnded: 3, Store: st}, func(t *testing.T, s *supervisor.Supervisor) {
		var records []task.Record
		for i := range 2000 { // more than its watcher has room for
			at := task.Time{Time: time.Now().Add(time.Duration(i) * time.Second)}
			r := task.Record{
				Spec: task.Spec{Name: fmt.Sprint("job", i), Command: []string{"x"}}, State: task.Done, Desired: task.DesiredRunning,
				Runs: []task.Run{{Run: 1, State: task.Done, StartedAt: at, EndedAt: at, ExitCode: new(0)}},
			}
			records = append(records, r)
			st.Save(r)
		}
		s.Load(t.Context(), records)
		synctest.Wait()
		if got := names(s.List()); got != "job1997:done job1998:done job1999:done" || len(st.all()) != 3 {
			t.Errorf("%.200s, %d records", got, len(st.all()))
		}
	})
}
