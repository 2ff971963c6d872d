package server

import (
	"errors"
	"os"
	"sync/atomic"
	"testing"

	"tasks/internal/enginetest"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// disk is a store whose records are gone with it, and that may be full.
type disk struct{ full atomic.Bool }

func (d *disk) err() error {
	if d.full.Load() {
		return errors.New("no space left on device")
	}
	return nil
}

func (d *disk) Save(task.Record) error            { return d.err() }
func (d *disk) Delete(string, task.Removed) error { return d.err() }
func (d *disk) Removed(string) task.Time          { return task.Time{} }
func (d *disk) SaveGroup(task.Group) error        { return d.err() }
func (d *disk) DeleteGroup(string) error          { return d.err() }

// With all or a group, a task that could not be recorded as what it was turned to fails
// when it is asked for again. One that is recorded is passed over.
func TestTurnedAgain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ before, method string }{
		{"resume", "pause"}, {"pause", "resume"}, {"enable", "disable"}, {"disable", "enable"},
	} {
		t.Run(tt.method, func(t *testing.T) {
			t.Parallel()
			st := &disk{}
			h := &host{fake: enginetest.NewFake()}
			h.sup = supervisor.New(supervisor.Options{Commands: h.fake, Store: st})
			h.serve(t, Config{}, os.Getuid())
			p := h.dial(t)
			ask := func(method, params string) message {
				p.ask(1, method, params)
				return p.recv()
			}
			for _, params := range []string{
				`{"name":"web","command":["x"],"group":"g"}`, `{"name":"cron","command":["x"],"group":"g","every":"1h"}`, `{"name":"ended","command":["x"],"group":"g"}`,
			} {
				ask("start", params).tasks(t)
			}
			ask("stop", `{"names":["ended"]}`).tasks(t)
			ask(tt.before, `{"all":true}`).tasks(t)
			st.full.Store(true)
			for _, params := range []string{`{"all":true}`, `{"all":true}`, `{"group":"g"}`} {
				if m := ask(tt.method, params); m.Error == nil {
					t.Errorf("%s %s on a full disk: %s", tt.method, params, m.Result)
				}
			}
			st.full.Store(false)
			ask(tt.method, `{"all":true}`).tasks(t)
			if turned := ask(tt.method, `{"all":true}`).tasks(t); len(turned) > 0 {
				t.Errorf("recorded, and asked for again: %+v", turned)
			}
		})
	}
}
