package server

import (
	"bytes"
	"log/slog"
	"net"
	"strings"
	"syscall"
	"testing"
	"testing/synctest"
)

// scarce is a listener that has no descriptor left the first times.
type scarce struct {
	net.Listener
	fails int
	then  []net.Conn
}

func (s *scarce) Accept() (net.Conn, error) {
	if s.fails--; s.fails >= 0 {
		return nil, syscall.EMFILE
	}
	if len(s.then) == 0 {
		return nil, net.ErrClosed
	}
	c := s.then[0]
	s.then = s.then[1:]
	return c, nil
}

// However long there are no descriptors, that is said once, and once that it is over.
func TestOutOfDescriptors(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var log bytes.Buffer
		s := New(Config{Logger: slog.New(slog.NewTextHandler(&log, nil))}, 0)
		l := &scarce{fails: 200}
		for range 2 {
			here, there := net.Pipe()
			here.Close()
			l.then = append(l.then, there)
		}
		if err := s.Serve(l); err != nil {
			t.Error(err)
		}
		s.Close(t.Context())
		if lines := strings.Split(strings.TrimSpace(log.String()), "\n"); len(lines) != 2 ||
			!strings.Contains(lines[0], "cannot accept a connection") || !strings.Contains(lines[1], "accepted again") {
			t.Errorf("%s", log.String())
		}
	})
}
