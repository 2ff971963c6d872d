package supervisor_test

import (
	"syscall"
	"time"

	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// op is a request that is put together by chance.
type op struct {
	kind    opKind
	name    string
	spec    *task.Spec
	replace bool
	force   bool
	now     bool
	grace   *time.Duration
}

type opKind int

const (
	opStart opKind = iota
	opStop
	opRestart
	opSignal
	opRemove
	opPause
	opResume
	opRetry
	opEnable
	opDisable
	opEdit // to what spec has, its name aside
)

func (o op) request() supervisor.Request {
	end := supervisor.End{Now: o.now, Grace: o.grace}
	switch o.kind {
	case opStart:
		if o.replace {
			return supervisor.Replace(*o.spec, end)
		}
		return supervisor.Start(*o.spec)
	case opStop:
		return supervisor.Stop(o.name, end)
	case opRestart:
		return supervisor.Restart(o.name)
	case opSignal:
		return supervisor.Signal(o.name, syscall.SIGHUP)
	case opRemove:
		if o.force {
			return supervisor.ForceRemove(o.name, end)
		}
		return supervisor.Remove(o.name)
	case opPause:
		return supervisor.Pause(o.name)
	case opEdit:
		return supervisor.Edit(o.name, func(s *task.Spec) error {
			s.Command, s.Group, s.Priority, s.Restart, s.Order, s.When = o.spec.Command, o.spec.Group, o.spec.Priority, o.spec.Restart, o.spec.Order, o.spec.When
			s.Batch, s.FailFast = o.spec.Batch, o.spec.FailFast
			return nil
		})
	case opRetry:
		return supervisor.Retry(o.name)
	case opEnable:
		return supervisor.Enable(o.name)
	case opDisable:
		return supervisor.Disable(o.name)
	default:
		return supervisor.Resume(o.name)
	}
}
