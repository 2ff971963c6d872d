package process

import "time"

// What could not be looked at is looked at again after a while, which grows.
const (
	firstRetry = 20 * time.Millisecond
	lastRetry  = time.Second
)

func nextRetry(wait time.Duration) time.Duration { return min(2*wait, lastRetry) }

// insist tries f again for a moment, and returns its last error.
func insist(f func() error) (err error) {
	for wait := time.Millisecond; ; wait *= 2 {
		if err = f(); err == nil || wait > 100*time.Millisecond {
			return err
		}
		time.Sleep(wait)
	}
}

// A retry is when the reaper looks again after a look that failed.
type retry struct {
	due  <-chan time.Time // nil: there is no retry
	wait time.Duration    // 0: the last look succeeded
}

// after says that a look failed. It reports whether that is new.
func (r *retry) after() (first bool) {
	first = r.wait == 0
	if r.due == nil {
		if r.wait = nextRetry(r.wait); first {
			r.wait = firstRetry
		}
		r.due = time.After(r.wait)
	}
	return first
}
