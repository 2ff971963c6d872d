package cli

import (
	"encoding/json"
	"errors"
	"net"
	"path/filepath"
	"strings"
	"testing"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// A supervisor that goes away amid the inputs leaves no doubt how far it came.
func TestEachThatIsCut(t *testing.T) {
	t.Parallel()
	socket := filepath.Join(t.TempDir(), "s")
	ln, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	go func() { // answers one request, and goes
		defer ln.Close()
		c, err := ln.Accept()
		if err != nil {
			return
		}
		defer c.Close()
		var r struct{ ID json.RawMessage }
		d := json.NewDecoder(c)
		if d.Decode(&r) == nil {
			c.Write([]byte(`{"jsonrpc":"2.0","id":` + string(r.ID) + `,"result":[{"name":"x-1"}` + strings.Repeat(`,{"name":"x-2"}`, 5) + "]}\n"))
		}
		d.Decode(&r)
	}()
	inputs := make([]string, 30)
	for i := range inputs {
		inputs[i] = strings.Repeat("x", 100_000)
	}
	c := &client.Client{Socket: socket}
	defer c.Close()
	_, err = startEach(t.Context(), c, task.Spec{Name: "x-{#}", Group: "x"}, inputs)
	want := ": of 30 inputs 6 were started before, and input 7 to 12 may be: see 'tasks list -g x'"
	if !errors.Is(err, task.ErrUnavailable) || !strings.HasSuffix(err.Error(), want) {
		t.Errorf("%v", err)
	}
}
