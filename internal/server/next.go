package server

import (
	"encoding/json"
	"time"

	"tasks/internal/cron"
	"tasks/internal/protocol"
	"tasks/pkg/task"
)

// next replies with the next times of a schedule, in the time zone of this supervisor.
func next(c *conn, _, params json.RawMessage) (func() (any, error), error) {
	var p protocol.Next
	if err := protocol.Decode(params, &p); err != nil {
		return nil, err
	}
	if p.Count < 1 || p.Count > task.MaxTimes {
		return nil, task.Errorf(task.ErrUsage, p.Name, "count %d: use 1 to %d", p.Count, task.MaxTimes)
	}
	times, err := c.times(&p)
	if err != nil {
		return nil, err
	}
	dates := make([]protocol.Date, len(times))
	for i, at := range times {
		dates[i] = protocol.Date{At: task.Time{Time: at}, Offset: at.Format("-07:00")}
	}
	return now(dates, nil)
}

func (c *conn) times(p *protocol.Next) ([]time.Time, error) {
	when, from := p.When, time.Time{}
	switch given := p.When != (task.When{}); {
	case given == (p.Name != ""):
		return nil, &protocol.Error{Code: protocol.CodeParams, Message: "params: give a schedule, or a name"}
	case given:
		spec := task.Spec{Name: "next", Command: []string{"true"}, When: when}
		if err := spec.Check(); err != nil {
			return nil, err
		}
	default:
		t, err := c.srv.cfg.Supervisor.Info(p.Name)
		if err != nil {
			return nil, err
		}
		if when = t.Spec.When; when == (task.When{}) {
			return nil, task.Errorf(task.ErrConflict, p.Name, "Task %s has no schedule: --cron or --every give it one.", p.Name)
		}
		if t.State != task.BackingOff { // then it is a restart's
			from = t.NextAt.Time
		}
	}
	plan, err := cron.New(when, time.Local)
	if err != nil {
		return nil, task.Errorf(task.ErrUsage, p.Name, "%v", err)
	}
	if !from.IsZero() {
		if zone := plan.Zone(); zone != nil {
			from = from.In(zone)
		}
		return plan.From(from, p.Count), nil
	}
	times, err := plan.Times(time.Now(), p.Count)
	if err != nil {
		return nil, task.Errorf(task.ErrUsage, p.Name, "%v", err)
	}
	return times, nil
}
