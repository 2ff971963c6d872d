package client

import (
	"context"
	"sync"
)

// maxWaits is how many requests of one connection the supervisor has in flight: it would
// read no further ones until one of them is answered.
const maxWaits = 256

// waitLinks are the connections of requests that may wait forever.
type waitLinks struct {
	mu  sync.Mutex // also guards the counts of each
	all []*waitLink
}

// A waitLink is a connection that is shared by up to maxWaits requests.
type waitLink struct {
	client    Client
	links     *waitLinks
	waiting   int // requests with a caller
	abandoned int // requests that the supervisor has still, though their callers are gone
}

// join returns the first connection that has room for one more request of c's.
func (w *waitLinks) join(c *Client) *waitLink {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.all {
		if l.waiting+l.abandoned < maxWaits {
			l.waiting++
			return l
		}
	}
	l := &waitLink{client: Client{Socket: c.Socket, Dial: c.Dial}, links: w, waiting: 1}
	w.all = append(w.all, l)
	return l
}

// leave is called when a request is answered, or abandoned because ctx has ended. Only the
// end of its connection tells the supervisor that nobody waits for it any longer.
func (l *waitLink) leave(ctx context.Context) {
	l.links.mu.Lock()
	defer l.links.mu.Unlock()
	l.waiting--
	if ctx.Err() != nil {
		l.abandoned++
	}
	if l.waiting == 0 && l.abandoned > 0 {
		l.client.Close()
		l.abandoned = 0
	}
}

// close closes all of them. Requests that come later open new ones.
func (w *waitLinks) close() {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, l := range w.all {
		l.client.Close()
		l.abandoned = 0
	}
}
