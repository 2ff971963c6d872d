package ready

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"syscall"
	"time"
)

// A port that was open before the run began is another process's, perhaps of an earlier
// instance that was left behind: the run is about to fail as it binds, or it shares the
// port. It seems ready only once it has lasted for takenFor, or the port was closed.
const takenFor = 3 * time.Second

// lookWithin is how long a look at a port of this machine may take.
const lookWithin = 100 * time.Millisecond

// notTaken is try of a readiness check at address, which does not succeed by the answers of
// another process.
func (r *checks) notTaken(address string, try func(context.Context) error) func(context.Context) error {
	host, port, err := net.SplitHostPort(address)
	if err != nil || r.adopted || !ofThisMachine(host) {
		return try
	}
	ctx, cancel := context.WithTimeout(context.Background(), lookWithin)
	defer cancel()
	if r.checker.connect(ctx, address) != nil {
		return try
	}
	r.checker.opts.Logger.Warn("the port of a readiness check was open before the run began", "task", r.spec.Name, "run", r.run, "port", port)
	var since time.Time
	closed := false
	return func(ctx context.Context) error {
		err := try(ctx)
		switch {
		case errors.Is(err, syscall.ECONNREFUSED):
			closed = true
		case err != nil || closed:
		case since.IsZero():
			since = time.Now()
			fallthrough
		case time.Since(since) < takenFor:
			return fmt.Errorf("port %s was open before the run began: another process has it", port)
		}
		return err
	}
}

// ofThisMachine reports whether the host is this one, where a port is a run's own.
func ofThisMachine(host string) bool {
	ip := net.ParseIP(host)
	return ip != nil && ip.IsLoopback() || strings.EqualFold(strings.TrimSuffix(host, "."), "localhost")
}
