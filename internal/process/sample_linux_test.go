package process

import (
	"testing"
	"time"

	"tasks/pkg/task"
)

func TestAdoptedSample(t *testing.T) {
	t.Parallel()
	s := one(t, `sleep 1000 & echo up; wait`).adopt(t)
	s.line(t, "up")
	st, err := s.Process.(task.Sampler).Sample()
	if err != nil || st.Processes != 2 || st.MemoryBytes < 100<<10 {
		t.Errorf("%+v, %v", st, err)
	}
}

// Its age is that of the process, not the time since it was taken back.
func TestAdoptedAge(t *testing.T) {
	t.Parallel()
	before := ticks()
	o := one(t, "exec sleep 1000")
	born := startTime(o.ref.PID)
	for ticks() < born+3 {
		time.Sleep(tick)
	}
	s := o.adopt(t)
	age := s.Process.(task.Aged).Age()
	if most := time.Duration(ticks()-before) * tick; age < 3*tick || age > most {
		t.Errorf("%v, and was begun at most %v ago", age, most)
	}
}
