package server

import (
	"context"
	"encoding/json"
	"io"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"tasks/internal/enginetest"
	"tasks/internal/protocol"
	"tasks/pkg/engine"
	"tasks/pkg/supervisor"
	"tasks/pkg/task"
)

// forest is an engine whose runs have that many processes, and counts who looks.
type forest struct {
	*enginetest.Fake
	processes int
	looks     *atomic.Int32
}

func (f forest) Start(ctx context.Context, l engine.Launch) (engine.Process, error) {
	p, err := f.Fake.Start(ctx, l)
	return wood{p, f}, err
}

type wood struct {
	engine.Process
	of forest
}

func (w wood) Tree() ([]task.Proc, error) {
	w.of.looks.Add(1)
	return make([]task.Proc, w.of.processes), nil
}

func (wood) Remaining() []task.Proc { return nil }

// Tasks with many processes are written in turns, and whose peer does not read does
// not keep its turn.
func TestReadersOfLargeTrees(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		engine := forest{enginetest.NewFake(), 10_000, new(atomic.Int32)}
		sup := supervisor.New(supervisor.Options{Commands: engine})
		srv := New(Config{Supervisor: sup, Info: func() protocol.Info { return protocol.Info{} }}, 0)
		if _, err := sup.Start(t.Context(), task.Spec{Name: "wood", Command: []string{"x"}}); err != nil {
			t.Fatal(err)
		}
		ask := func() net.Conn {
			here, there := net.Pipe()
			srv.Handle(there)
			io.WriteString(here, request(1, "list", `{"tree":true}`))
			return here
		}
		const readers = 2*maxLarge + 1
		var ends []net.Conn
		for range readers {
			ends = append(ends, ask())
		}
		for turn := 1; turn <= 3; turn++ {
			synctest.Wait()
			if got, want := int(engine.looks.Load()), readers+min(turn*maxLarge, readers); got != want {
				t.Errorf("%d looks, want %d", got, want)
			}
			time.Sleep(writeTimeout)
		}
		nc := ask()
		var m message
		if err := json.NewDecoder(nc).Decode(&m); err != nil {
			t.Fatal(err)
		}
		if got := m.tasks(t); len(got[0].Tree) != engine.processes {
			t.Errorf("%d processes", len(got[0].Tree))
		}
		for _, nc := range append(ends, nc) {
			nc.Close()
		}
		sup.Close(t.Context())
		srv.Close(t.Context())
	})
}

// A client that reads a little now and then does not keep its turn, neither for a tree nor
// for a long request.
func TestReadersThatTrickle(t *testing.T) {
	t.Parallel()
	for name, ask := range map[string]string{
		"trees":         request(1, "list", `{"tree":true}`),
		"long requests": request(1, "list", `{"names":["wood"`+strings.Repeat(`,"wood"`, 5<<10)+`]}`),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				engine := forest{enginetest.NewFake(), 10_000, new(atomic.Int32)}
				sup := supervisor.New(supervisor.Options{Commands: engine})
				srv := New(Config{Supervisor: sup, Info: func() protocol.Info { return protocol.Info{} }}, 0)
				if _, err := sup.Start(t.Context(), task.Spec{Name: "wood", Command: []string{"x", strings.Repeat("x", 64<<10)}}); err != nil {
					t.Fatal(err)
				}
				dial := func() net.Conn {
					here, there := net.Pipe()
					srv.Handle(there)
					go io.WriteString(here, ask)
					synctest.Wait()
					return here
				}
				var slow sync.WaitGroup
				began := time.Now()
				for range max(maxLarge, maxLongLines) {
					nc := dial()
					slow.Go(func() {
						for b := make([]byte, writeBuffer); ; time.Sleep(writeTimeout - time.Second) {
							if _, err := nc.Read(b); err != nil {
								nc.Close()
								return
							}
						}
					})
				}
				nc := dial()
				var m message
				if err := json.NewDecoder(nc).Decode(&m); err != nil || m.Error != nil {
					t.Error(m.Error, err)
				}
				if took := time.Since(began); took == 0 || took > turnTimeout {
					t.Errorf("the next one was answered after %v", took)
				}
				nc.Close()
				slow.Wait()
				sup.Close(t.Context())
				srv.Close(t.Context())
			})
		})
	}
}
