package client

import (
	"context"
	"encoding/base64"

	"tasks/internal/protocol"
)

// OutputOptions say which part of the output of a run to get.
type OutputOptions struct {
	// Run is its number; 0: the newest.
	Run int
	// Offset is where to begin, in bytes.
	Offset int64
	// Wait waits until there is more, or the run has ended.
	Wait bool
}

// Output is a part of what a run wrote.
type Output struct {
	Run    int
	Offset int64 // of the first byte: more than asked for where that is not kept any more
	Size   int64 // of all that the run had written when the reply began; 0: the supervisor does not say
	Text   []byte
	Ended  bool // nothing comes after Text
}

// Output returns what a run of the task called name wrote from a place on, a part
// at a time: the next one begins at Offset + len(Text). Calls with Wait share connections of
// their own, 256 of them each.
func (c *Client) Output(ctx context.Context, name string, o OutputOptions) (Output, error) {
	if o.Wait {
		shared := c.outputs.join(c)
		defer shared.leave(ctx)
		c = &shared.client
	}
	var reply protocol.Output
	err := c.call(ctx, "logs", protocol.Logs{Name: name, Run: o.Run, Offset: o.Offset, Wait: o.Wait}, &reply)
	if err != nil {
		return Output{}, ofKind(err)
	}
	out := Output{Run: reply.Run, Offset: reply.Offset, Size: reply.Size, Text: []byte(reply.Text), Ended: reply.Ended}
	if reply.Base64 != "" {
		if out.Text, err = base64.StdEncoding.DecodeString(reply.Base64); err != nil {
			return Output{}, badReply("%v", err)
		}
	}
	if out.Offset < 0 || reply.Next != out.Offset+int64(len(out.Text)) || o.Wait && len(out.Text) == 0 && !out.Ended {
		return Output{}, badReply("%d bytes at %d, and the next at %d", len(out.Text), out.Offset, reply.Next)
	}
	return out, nil
}
