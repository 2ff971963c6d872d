// Package server answers the protocol's requests with a supervisor. It accepts,
// identifies the peer, and dispatches by a table of methods; it decides nothing.
package server

import (
	"context"
	"errors"
	"log/slog"
	"maps"
	"net"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"tasks/internal/logs"
	"tasks/internal/protocol"
	"tasks/internal/socket"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// Config is what a Server serves.
type Config struct {
	Supervisor *supervisor.Supervisor
	// Info is what the host says of itself; the server adds uptime and counts.
	Info func() protocol.Info
	// Exit stops every task, or with keep lets those run on that can be taken back, and
	// has the host end. nil: the host does not take that from a client.
	Exit func(ctx context.Context, end supervisor.End, keep bool) ([]task.Info, error)
	// Replace has another program take over from the host, or says why it cannot.
	// nil: the host does not take that from a client.
	Replace func(protocol.Replace) error
	// Home is the directory of commands that were given none.
	Home string
	// Environ is the environment of commands that were given none, NAME=VALUE each.
	Environ []string
	// Caller is what commands get whose caller left it to the supervisor.
	Caller task.Caller
	// Logger hears of refused peers; nil: nobody does.
	Logger *slog.Logger
	// Answered is called after each reply, and when a connection has ended; nil: is not.
	Answered func()
}

// Limits of one connection.
const (
	maxInFlight  = 256              // requests; past it the server stops reading
	writeTimeout = 30 * time.Second // in which the peer reads nothing; then the connection is closed
	lineTimeout  = 30 * time.Second // for the rest of a long line
	turnTimeout  = time.Minute      // in which the peer must read what has a turn
	writeBuffer  = 8 << 10
)

// Limits of all connections together, so that stalled clients hold memory only for a while,
// and not more of it the more there are.
const (
	maxConns     = 2048
	maxAllFlight = 8192 // requests in flight beside the first one of each connection
	maxLarge     = 16   // tasks that are being written with more than smallTree of processes, and checks of a change
	smallTree    = 64 << 10
	maxLongLines = 16        // requests of more than 32 KiB that are being read or carried out, and changes being read
	maxKept      = 64 << 20  // bytes that requests in flight keep of the tasks they name, and lists that are not written yet
	maxStaged    = 512 << 20 // bytes of changes that are being sent or carried out
)

// Server serves connections until it is closed.
type Server struct {
	cfg    Config
	uid    int
	began  time.Time       // by the monotonic clock: nobody sets that
	ctx    context.Context // of waits and watches
	cancel context.CancelFunc

	inFlight  chan struct{}
	longLines chan struct{}
	large     chan struct{}
	kept      atomic.Int64 // bytes
	staged    atomic.Int64 // bytes
	patching  sync.Mutex   // held while a spec is edited

	logFollower func() *logs.Follower // made when it is first needed

	mu     sync.Mutex // guards conns and the listener
	conns  map[*conn]bool
	closed bool
	over   sync.WaitGroup
}

// New makes a Server. uid is the user that may connect, beside root.
func New(cfg Config, uid int) *Server {
	if cfg.Logger == nil {
		cfg.Logger = slog.New(slog.DiscardHandler)
	}
	if cfg.Answered == nil {
		cfg.Answered = func() {}
	}
	s := &Server{
		cfg: cfg, uid: uid, began: time.Now(), conns: make(map[*conn]bool),
		inFlight: make(chan struct{}, maxAllFlight), longLines: make(chan struct{}, maxLongLines),
		large: make(chan struct{}, maxLarge),
	}
	s.ctx, s.cancel = context.WithCancel(context.Background())
	s.logFollower = sync.OnceValue(func() *logs.Follower {
		f := logs.NewFollower()
		context.AfterFunc(s.ctx, func() { f.Close() })
		return f
	})
	return s
}

// Serve accepts connections from l until l is closed.
func (s *Server) Serve(l net.Listener) error {
	failing := false
	for {
		c, err := l.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return nil
		case err != nil:
			// Out of descriptors, most likely: connections will end and free some.
			if !failing {
				s.cfg.Logger.Warn("cannot accept a connection: trying again until it works", "err", err)
			}
			failing = true
			select {
			case <-time.After(50 * time.Millisecond):
			case <-s.ctx.Done():
				return nil
			}
			continue
		}
		if failing {
			s.cfg.Logger.Info("connections are accepted again")
		}
		failing = false
		s.Handle(c)
	}
}

// Handle serves one connection, in goroutines of its own.
func (s *Server) Handle(nc net.Conn) {
	if uc, ok := nc.(*net.UnixConn); ok {
		uid, pid, err := socket.Peer(uc)
		if err != nil || uid != s.uid && uid != 0 {
			s.cfg.Logger.Warn("refused a connection", "uid", uid, "pid", pid, "err", err)
			nc.Close()
			return
		}
	}
	c := newConn(s, nc)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		nc.Close()
		return
	}
	if len(s.conns) >= maxConns {
		s.cfg.Logger.Warn("refused a connection: there are too many", "connections", maxConns)
		go func() { // it gets an error, if it reads
			c.reply(nil, nil, task.Errorf(task.ErrUnavailable, "", "the supervisor has %d connections: end some of their clients", maxConns))
			c.cancel()
			nc.Close()
		}()
		return
	}
	s.conns[c] = true
	s.over.Go(func() {
		c.serve()
		s.mu.Lock()
		delete(s.conns, c)
		s.mu.Unlock()
		s.cfg.Answered()
	})
}

// Flush ends waits and watches, begins no other request, and returns when what is
// being written was read. The connections of peers that have not read it when ctx
// ends are closed. Requests under way continue, and are answered: one may be the reason for
// the end of the host.
func (s *Server) Flush(ctx context.Context) {
	var flushed sync.WaitGroup
	for _, c := range s.stop() {
		flushed.Go(func() {
			defer context.AfterFunc(ctx, func() { c.nc.Close() })()
			c.flush()
		})
	}
	flushed.Wait()
}

// stop ends waits and watches and has no other request begin.
func (s *Server) stop() []*conn {
	s.cancel()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for c := range s.conns {
		c.stopReading()
	}
	return slices.Collect(maps.Keys(s.conns))
}

// Close ends waits and watches, lets other requests finish and be answered
// until ctx ends, and closes every connection. What has not finished by then continues
// without an answer.
func (s *Server) Close(ctx context.Context) {
	s.stop()
	done := make(chan struct{})
	go func() {
		s.over.Wait()
		close(done)
	}()
	select {
	case <-done:
		return
	case <-ctx.Done():
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for c := range s.conns {
		c.nc.Close()
	}
}
