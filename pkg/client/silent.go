package client

import (
	"context"
	"errors"
	"time"
)

// When a request is without an answer, the supervisor is asked whether it answers at
// all: first after askAfter, then after twice the time before, up to askEvery.
const (
	askAfter     = 2 * time.Second
	askEvery     = time.Minute
	answerWithin = 3 * time.Second
)

// attend calls c.Silent, once, if the supervisor answers nothing until done is called.
func (c *Client) attend(ctx context.Context) (done func()) {
	if c.Silent == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for pause := askAfter; ; pause = min(2*pause, askEvery) {
			select {
			case <-ctx.Done():
				return
			case <-time.After(pause):
			}
			if !c.answers(ctx) {
				if ctx.Err() == nil {
					c.Silent()
				}
				return
			}
		}
	}()
	return cancel
}

// answers reports whether the supervisor answers on a new connection: on another it may
// be busy with what it was asked before.
func (c *Client) answers(ctx context.Context) bool {
	ctx, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	asking := Client{Socket: c.Socket, Dial: c.Dial}
	defer asking.Close()
	_, err := asking.Info(ctx)
	return !errors.Is(err, context.DeadlineExceeded) && ctx.Err() == nil
}
