package crashtest

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// A queue is worked off whatever becomes of its supervisors: no job is lost, none
// runs beside more others than there are slots, and no two have one slot.
func TestQueueCrashes(t *testing.T) {
	t.Parallel()
	if sealed(t) {
		return
	}
	const jobs, slots = 30, 3
	s := newCrashTest(t)
	s.serve(t)
	ctx, cancel := context.WithTimeout(t.Context(), 4*timeout)
	defer cancel()
	if _, err := s.client.SetGroup(ctx, client.GroupOptions{Name: "q", Slots: &task.Slots{N: new(slots)}}); err != nil {
		t.Fatal(err)
	}
	ran := filepath.Join(filepath.Dir(s.socket), "ran")
	inputs := make([]string, jobs)
	for i := range inputs {
		inputs[i] = fmt.Sprint(i)
	}
	_, err := s.client.StartEach(ctx, task.Spec{
		Name: "j{}", Group: "q", Command: []string{"sh", "-c", "echo $TASKS_NAME >> " + ran + "; sleep 0.05", "sh", "{}"},
		// One that ends while no supervisor watches is lost, and tried again.
		Restart: task.RestartOnFailure, Backoff: task.Backoff{Min: time.Millisecond, Max: time.Millisecond},
	}, inputs, 1)
	if err != nil {
		t.Fatal(err)
	}
	last := task.Spec{Name: "last", Command: []string{"true"}, Order: task.Order{After: []string{"j0", "j29"}}}
	if _, err := s.client.Start(ctx, last, client.StartOptions{}); err != nil {
		t.Fatal(err)
	}
	for open := true; open && !t.Failed(); {
		s.killSoon(t)
		s.atMost(t, slots)
		s.serve(t)
		s.atMost(t, slots)
		all, err := s.client.List(ctx, client.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if len(all) != jobs+1 {
			t.Fatalf("there are %d tasks, want %d", len(all), jobs+1)
		}
		open = false
		for _, i := range all {
			open = open || !i.State.Ended()
			if i.State == task.Failed || i.State == task.Stopped || i.State == task.Lost && i.Name != "last" {
				t.Errorf("%s is %s: %s", i.Name, i.State, i.Reason)
			}
		}
	}
	text, err := os.ReadFile(ran)
	if err != nil {
		t.Fatal(err)
	}
	for _, in := range inputs {
		if !strings.Contains(string(text), "j"+in+"\n") {
			t.Errorf("j%s never ran", in)
		}
	}
	t.Logf("%d kills, %d of them as the supervisor began; %d jobs, %d runs", s.kills, s.early, jobs, bytes.Count(text, []byte("\n")))
}

// atMost holds that no more than n jobs run, each in a slot of its own.
func (s *crashTest) atMost(t *testing.T, n int) {
	t.Helper()
	slots := make(map[string]string)
	for name, procs := range s.running() {
		for _, p := range procs {
			if !strings.HasPrefix(name, "j") {
				continue
			}
			_, slot, _ := bytes.Cut(p.read("environ"), []byte("\x00TASKS_SLOT="))
			slot, _, _ = bytes.Cut(slot, []byte{0})
			if len(slot) == 0 { // it is about to execute something, or to end
				continue
			}
			if other := slots[string(slot)]; other != "" && other != name {
				t.Errorf("%s and %s both have slot %s", other, name, slot)
			}
			slots[string(slot)] = name
		}
	}
	if len(slots) > n {
		t.Errorf("%d jobs run: %v", len(slots), slots)
	}
}
