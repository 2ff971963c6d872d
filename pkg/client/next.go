package client

import (
	"context"
	"time"

	"tasks/internal/protocol"
	"tasks/pkg/task"
)

// Next returns the next times, at most count, of a schedule, or without one of the task
// called name. They are in the schedule's time zone.
func (c *Client) Next(ctx context.Context, when task.When, name string, count int) ([]time.Time, error) {
	var dates []protocol.Date
	if err := c.call(ctx, "next", protocol.Next{When: when, Name: name, Count: count}, &dates); err != nil {
		return nil, ofKind(err)
	}
	times := make([]time.Time, len(dates))
	for i, d := range dates {
		zone, err := time.Parse("-07:00", d.Offset)
		if err != nil {
			return nil, badReply("%v", err)
		}
		times[i] = d.At.In(zone.Location())
	}
	return times, nil
}
