//go:build !linux

package server

// seesHangup reports whether awaitHangup knows the end of the connection from the
// end of its input.
func (c *conn) seesHangup() bool { return false }

// awaitHangup takes the end of input for the end of the connection.
func (c *conn) awaitHangup() { c.cancel() }
