package supervisor

import "sync"

// crew is goroutines that are awaited. Unlike those of a sync.WaitGroup, more may begin while
// somebody waits for the last.
type crew struct {
	mu   sync.Mutex // guards the rest; no other is taken while it is held
	n    int
	gone chan struct{} // closed when there are none; nil: nobody waits for that
}

// Go begins one.
func (c *crew) Go(f func()) {
	c.mu.Lock()
	c.n++
	c.mu.Unlock()
	go func() {
		defer c.leave()
		f()
	}()
}

func (c *crew) leave() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.n--; c.n == 0 && c.gone != nil {
		close(c.gone)
		c.gone = nil
	}
}

// Wait returns when there are none.
func (c *crew) Wait() {
	c.mu.Lock()
	if c.n == 0 {
		c.mu.Unlock()
		return
	}
	if c.gone == nil {
		c.gone = make(chan struct{})
	}
	gone := c.gone
	c.mu.Unlock()
	<-gone
}
