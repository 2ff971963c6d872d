package client

import (
	"context"
	"iter"

	"tasks/internal/protocol"
	"tasks/pkg/task"
)

// Watch yields the selected tasks as they are, in events without a number,
// and then one event per change of one, until ctx or the loop ends. It uses a connection
// of its own. An error is the last that it yields.
func (c *Client) Watch(ctx context.Context, sel task.Selector) iter.Seq2[task.Event, error] {
	return func(yield func(task.Event, error) bool) {
		own := Client{Socket: c.Socket, Dial: c.Dial}
		defer own.Close()
		l, a, err := own.send(ctx, "watch", protocol.List{Selector: sel})
		if err != nil {
			yield(task.Event{}, err)
			return
		}
		for {
			m, err := l.next(ctx, a)
			switch {
			case err != nil:
				yield(task.Event{}, err)
				return
			case m.Error != nil:
				yield(task.Event{}, m.Error.Err())
				return
			case m.Params != nil:
				if !yield(m.Params.Event, nil) {
					return
				}
			default:
				var now []task.Info
				if err := m.into(&now); err != nil {
					yield(task.Event{}, err)
					return
				}
				for _, t := range now {
					if !yield(task.Event{Task: t}, nil) {
						return
					}
				}
			}
		}
	}
}
