package client

import (
	"cmp"
	"context"
	"iter"
	"sync"

	"tasks/internal/protocol"
	"tasks/pkg/task"
)

// Watch yields the selected tasks as they are, in events without a number,
// and then one event per change of one, until ctx or the loop ends. It uses a connection
// of its own. An error is the last that it yields.
func (c *Client) Watch(ctx context.Context, sel task.Selector) iter.Seq2[task.Event, error] {
	return func(yield func(task.Event, error) bool) {
		ctx, cancel := context.WithCancel(ctx) // the loop may end before the events begin
		defer cancel()
		now, events, err := c.Observe(ctx, sel)
		if err != nil {
			yield(task.Event{}, err)
			return
		}
		for _, t := range now {
			if !yield(task.Event{Task: t}, nil) {
				return
			}
		}
		events(yield)
	}
}

// Observe returns the selected tasks as they are, and then what becomes of them:
// one event per change, from that moment on. It uses a connection of its own, until
// ctx or the loop over the events ends; they can be ranged over once. An error is
// the last that they yield.
func (c *Client) Observe(ctx context.Context, sel task.Selector) (now []task.Info, events iter.Seq2[task.Event, error], err error) {
	own := &Client{Socket: c.Socket, Dial: c.Dial}
	done := c.attend(ctx)
	l, a, err := own.send(ctx, "watch", protocol.List{Selector: sel})
	if err == nil {
		var m *message
		if m, err = l.receive(ctx, a); err == nil {
			err = m.into(&now)
		}
	}
	check := onlyNames(sel).only // once for all the events
	if err == nil {
		err = cmp.Or(checkReply(now), check(now))
	}
	if err != nil {
		done()
		own.Close()
		return nil, nil, ofKind(err)
	}
	end := sync.OnceFunc(func() {
		done()
		own.Close()
	})
	stop := context.AfterFunc(ctx, end) // nobody may ever range over the events
	return now, func(yield func(task.Event, error) bool) {
		defer end()
		defer stop()
		for {
			m, err := l.receive(ctx, a)
			switch {
			case ctx.Err() != nil:
				yield(task.Event{}, context.Cause(ctx))
				return
			case err != nil:
				yield(task.Event{}, err)
				return
			case m.Error != nil:
				yield(task.Event{}, m.Error.Err())
				return
			case m.Params != nil:
				one := []task.Info{m.Params.Task}
				if err := cmp.Or(checkReply(one), check(one)); err != nil {
					yield(task.Event{}, err)
					return
				}
				if !yield(m.Params.Event, nil) {
					return
				}
			}
		}
	}, nil
}
