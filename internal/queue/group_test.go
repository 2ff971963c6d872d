package queue

import (
	"math/rand/v2"
	"slices"
	"testing"
)

// naive is what a group must be, written down as its definition says.
type naive struct {
	slots   int
	paused  bool
	queue   []*Ticket
	running []*Ticket
}

func (n *naive) next() *Ticket {
	if n.paused || n.slots != Unlimited && len(n.running) >= n.slots {
		return nil
	}
	return n.best()
}

// best is the first of the queue.
func (n *naive) best() (best *Ticket) {
	for _, t := range n.queue {
		if best == nil || t.Priority > best.Priority || t.Priority == best.Priority && t.Seq < best.Seq {
			best = t
		}
	}
	return best
}

func (n *naive) lowestFree() int {
	for slot := 1; ; slot++ {
		if !slices.ContainsFunc(n.running, func(t *Ticket) bool { return t.Slot == slot }) {
			return slot
		}
	}
}

// keeps reports whether x has one of the numbers that there still are.
func (n *naive) keeps(x *Ticket) bool {
	return n.slots == Unlimited && x.Slot == 0 || x.Slot > 0 && x.Slot <= n.slots
}

// renewable reports whether one more could run if x did not, or did again.
func (n *naive) renewable(x *Ticket) bool {
	return !n.paused && (n.keeps(x) || n.slots == Unlimited || len(n.running)-1 < n.slots)
}

// walk does what the bytes say to a group and to the naive one.
func walk(t *testing.T, steps []byte) {
	g, n, seq := NewGroup(Unlimited), &naive{slots: Unlimited}, uint64(0)
	drop := func(from []*Ticket, i int) []*Ticket { return slices.Delete(from, i, i+1) }
	for at, b := range steps {
		arg := int(b >> 3)
		switch b & 7 {
		case 0, 1:
			seq++
			x := &Ticket{Priority: arg%3 - 1, Seq: seq}
			g.Enter(x)
			n.queue = append(n.queue, x)
		case 2:
			if len(n.queue) > 0 {
				i := arg % len(n.queue)
				g.Leave(n.queue[i])
				n.queue = drop(n.queue, i)
			}
		case 3:
			if len(n.running) > 0 {
				i := arg % len(n.running)
				g.Leave(n.running[i])
				n.running = drop(n.running, i)
			}
		case 4:
			g.Slots = arg%6 - 1
			n.slots = g.Slots
		case 5:
			g.Paused = arg%2 == 1
			n.paused = g.Paused
		case 7:
			if len(n.queue) > 0 {
				g.Prioritize(n.queue[arg%len(n.queue)], arg%5-2)
			}
		case 6: // one that an earlier supervisor began
			slot := arg%8 + 1
			if !slices.ContainsFunc(n.running, func(t *Ticket) bool { return t.Slot == slot }) {
				x := &Ticket{}
				g.Hold(x, slot)
				n.running = append(n.running, x)
			}
		}
		for {
			want, wantSlot := n.next(), 0
			if want != nil && n.slots != Unlimited {
				wantSlot = n.lowestFree()
			}
			got, slot, ok := g.Next()
			again, slotAgain, _ := g.Next()
			if got != want || ok != (want != nil) || slot != wantSlot || again != got || slotAgain != slot {
				t.Fatalf("step %d: next is %+v with slot %d, want %+v with %d", at, got, slot, want, wantSlot)
			}
			if admitted := g.Admit(); admitted != want {
				t.Fatalf("step %d: admitted %+v, want %+v", at, admitted, want)
			}
			if want == nil {
				break
			}
			if !want.Admitted() || want.Slot != wantSlot || n.slots != Unlimited && wantSlot > n.slots {
				t.Fatalf("step %d: %+v has slot %d of %d", at, want, want.Slot, n.slots)
			}
			n.queue = drop(n.queue, slices.Index(n.queue, want))
			n.running = append(n.running, want)
		}
		var order []*Ticket
		for left := slices.Clone(n.queue); len(left) > 0; {
			first := (&naive{slots: Unlimited, queue: left}).best()
			left, order = drop(left, slices.Index(left, first)), append(order, first)
		}
		if got := g.Queue(); !slices.Equal(got, order) {
			t.Fatalf("step %d: the queue is %v, want %v", at, got, order)
		}
		for _, x := range n.running {
			keeps, renewable := n.keeps(x), n.renewable(x)
			if g.Keeps(x) != keeps || g.Renewable(x) != renewable {
				t.Fatalf("step %d: %+v with %d slots, %d running: keeps its slot: %v, renewable: %v; want %v, %v", at, x, g.Slots, len(n.running), g.Keeps(x), g.Renewable(x), keeps, renewable)
			}
		}
		if g.Empty() != (len(n.queue)+len(n.running) == 0) {
			t.Fatalf("step %d: empty is %v", at, g.Empty())
		}
	}
}

func TestAsDefined(t *testing.T) {
	t.Parallel()
	for seed := range uint64(300) {
		r := rand.New(rand.NewPCG(seed, 1))
		steps := make([]byte, 300)
		for i := range steps {
			steps[i] = byte(r.Uint32())
		}
		walk(t, steps)
	}
}

func FuzzGroup(f *testing.F) {
	f.Add([]byte{0x24, 0, 8, 16, 0x0b, 3, 0x34})
	f.Fuzz(func(t *testing.T, steps []byte) {
		if len(steps) < 2000 {
			walk(t, steps)
		}
	})
}

func TestFirstComeFirstServed(t *testing.T) {
	t.Parallel()
	g := NewGroup(2)
	var all []*Ticket
	for i, priority := range []int{0, 0, 5, 0, 5} {
		x := &Ticket{Owner: i, Priority: priority, Seq: uint64(i)}
		g.Enter(x)
		all = append(all, x)
	}
	var order, slots []int
	for len(order) < len(all) {
		for x := g.Admit(); x != nil; x = g.Admit() {
			order, slots = append(order, x.Owner.(int)), append(slots, x.Slot)
		}
		g.Leave(all[order[len(order)-1]])
	}
	if want := []int{2, 4, 0, 1, 3}; !slices.Equal(order, want) {
		t.Errorf("order %v, want %v", order, want)
	}
	if want := []int{1, 2, 2, 2, 2}; !slices.Equal(slots, want) {
		t.Errorf("slots %v, want %v", slots, want)
	}
}

// BenchmarkDecision is one task through a group in which n others wait.
func BenchmarkDecision(b *testing.B) {
	for _, n := range []int{10, 1_000, 100_000} {
		b.Run(map[int]string{10: "10", 1_000: "1k", 100_000: "100k"}[n], func(b *testing.B) {
			g := NewGroup(1)
			for i := range n {
				g.Enter(&Ticket{Owner: i, Priority: i % 3, Seq: uint64(i)})
			}
			seq := uint64(n)
			for b.Loop() {
				x := g.Admit()
				g.Leave(x)
				x.Seq, seq = seq, seq+1
				g.Enter(x)
			}
		})
	}
}
