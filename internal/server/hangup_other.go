//go:build !linux

package server

// awaitHangup takes the end of input for the end of the connection.
func (c *conn) awaitHangup() { c.cancel() }
