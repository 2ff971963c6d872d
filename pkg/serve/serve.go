// Package serve lets the `tasks` command, and every other client, reach the
// supervisor that is embedded in a Go program:
//
//	sup := supervisor.New(supervisor.Options{})
//	defer sup.Close(ctx)
//	srv, err := serve.Listen("app.sock", sup)
//	if err != nil { … }
//	defer srv.Close(ctx)
//
// From then on `tasks -s app.sock list` shows the program's tasks and
// `tasks -s app.sock stop NAME` sets the stop event of one and joins. What the
// supervisor cannot do is refused with a task.ErrUsage that says so: commands and
// hooks, where it has no engine for them, and always `exit`, since the program
// ends its supervisor itself.
package serve

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"runtime/debug"
	"strings"

	"tasks/internal/protocol"
	"tasks/internal/server"
	"tasks/internal/socket"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// Server answers clients of one supervisor. Make one with [Listen].
type Server struct {
	bound  *socket.Bound
	server *server.Server
}

// Listen serves sup on the Unix socket path, which has no default, until Close. The socket's directory
// must belong to this user or root, with nobody else able to write to it; if it
// is missing, but not its parent, it is made with mode 0700. The socket has mode
// 0600, and whoever connects must have the uid of this process, or be root.
//
// A socket that a dead program of this user left at path is replaced. One on
// which somebody answers, and any other file, stays, as an error. A socket that is
// removed later is bound again.
func Listen(path string, sup *supervisor.Supervisor) (*Server, error) {
	switch {
	case path == "": // an unset variable; by default it is the socket of `tasks serve`
		return nil, task.Errorf(task.ErrUsage, "", "cannot listen: name a socket")
	case sup == nil:
		return nil, task.Errorf(task.ErrUsage, "", "cannot listen on %s: there is no supervisor", path)
	}
	paths, err := socket.Locate(path, "", func(string) string { return "" }, os.Geteuid())
	if err != nil {
		return nil, err
	}
	bind := func() (*socket.Listener, error) {
		if err := socket.CheckNamedDir(filepath.Dir(paths.Socket)); err != nil {
			return nil, err
		}
		return socket.ListenUnlocked(paths.Socket)
	}
	l, err := bind()
	if err != nil {
		return nil, err
	}
	program, err := os.Executable()
	if err != nil {
		program = os.Args[0]
	}
	home, err := os.UserHomeDir()
	if err != nil {
		home = "/"
	}
	started := task.Now()
	s := &Server{server: server.New(server.Config{
		Supervisor: sup, Home: home,
		Info: func() protocol.Info {
			return protocol.Info{
				Version: version(), Program: filepath.Base(program), PID: os.Getpid(), StartedAt: started, Socket: paths.Socket,
			}
		},
	}, os.Geteuid())}
	s.bound = socket.Keep(l, bind, s.server.Serve, slog.New(slog.DiscardHandler))
	return s, nil
}

// Close removes the socket, ends waits and watches, lets other requests under
// way finish and be answered until ctx ends, and closes the connections. The
// supervisor and its tasks stay as they are.
func (s *Server) Close(ctx context.Context) error {
	err := s.bound.Close()
	s.server.Close(ctx)
	return err
}

// version is this module's, as built into the program.
func version() string {
	const module = "tasks"
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, m := range append(info.Deps, &info.Main) {
			if m.Path == module {
				return strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	return "unknown"
}
