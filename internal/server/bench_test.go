package server

import (
	"context"
	"fmt"
	"testing"
)

func BenchmarkList(b *testing.B) {
	h := newHost(b)
	for i := range 10 {
		h.goTask(b, fmt.Sprint("t", i))
	}
	p := h.dial(b)
	line := []byte(request(1, "list"))
	b.ReportAllocs()
	for b.Loop() {
		p.nc.Write(line)
		if _, err := p.r.ReadBytes('\n'); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkStarts starts functions that are known, all of their requests sent
// without waiting for replies.
func BenchmarkStarts(b *testing.B) {
	h := newHost(b)
	const names = 1000
	for i := range names {
		if err := h.sup.Go(fmt.Sprint("t", i), func(context.Context) error { return nil }); err != nil {
			b.Fatal(err)
		}
	}
	p := h.dial(b)
	b.ReportAllocs()
	b.ResetTimer()
	go func() {
		for i := range b.N {
			p.nc.Write([]byte(request(i, "restart", fmt.Sprintf(`{"names":["t%d"]}`, i%names))))
		}
	}()
	for range b.N {
		if m := p.recv(); m.Error != nil {
			b.Fatal(m.Error)
		}
	}
}
