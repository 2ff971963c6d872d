package process

import (
	"testing"

	"tasks/internal/enginetest"
)

// In the midst of an exec a process has no environment to be known by.
func TestLeftInTheMidstOfExecs(t *testing.T) {
	t.Parallel()
	for range 8 {
		s := start(t, sh(`setsid sh -c 'exec >/dev/null 2>&1; exec sh -c "$0" "$0"' 'exec sh -c "$0" "$0"' & sleep 0.02`))
		enginetest.Await(t, s.Exited(), "Exited")
		select {
		case <-s.Gone():
			t.Error("gone, with one left that executes")
		default:
		}
		s.Stop(9)
		if e := s.wait(t); e.LeftBehind != 1 {
			t.Errorf("%+v", e)
		}
	}
}
