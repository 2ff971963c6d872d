package events

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"slices"
	"sync/atomic"
	"testing"
)

// What is written is what is read, in order and once: backwards from the moment
// of opening, and from there on while it is written and rotated.
func TestFollow(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		rnd := rand.New(rand.NewPCG(seed, 0))
		dir := t.TempDir()
		w := mustWriter(t, dir)
		w.max = 12_000
		n := 0
		batch := func() {
			for range 1 + rnd.IntN(15) {
				n++
				w.add(a(n))
			}
			if err := w.flush(); err != nil {
				t.Fatal(err)
			}
		}
		for range rnd.IntN(50) {
			batch()
		}
		r := mustOpen(t, dir)
		back := numbers(backwards(t, r))
		slices.Reverse(back)
		for range rnd.IntN(5) { // between opening and following
			batch()
		}
		var seen atomic.Uint64
		progress := make(chan struct{}, 1)
		end := errors.New("enough")
		done := make(chan struct{})
		var fore []uint64
		go func() {
			defer close(done)
			err := r.Follow(t.Context(), func(events []Event) error {
				for _, e := range events {
					if fore = append(fore, e.Seq); e.Name == "last" {
						return end
					}
				}
				seen.Store(fore[len(fore)-1])
				select {
				case progress <- struct{}{}:
				default:
				}
				return nil
			})
			if err != end {
				t.Errorf("seed %d: %v", seed, err)
			}
		}()
		for range 200 {
			batch()
			for seen.Load()+40 < w.seq { // no more than a file behind: else events are lost to it
				select {
				case <-progress:
				case <-done:
					t.Fatal("it has ended")
				}
			}
			if rnd.IntN(20) == 0 { // the next supervisor
				w = mustWriter(t, dir)
				w.max = 12_000
			}
		}
		write(t, w, Event{Name: "last", Event: Done})
		<-done
		got := append(back, fore...)
		if !slices.Equal(got, upTo(got[0], w.seq)) {
			t.Errorf("seed %d: read %d events, %d of them backwards, of %d", seed, len(got), len(back), w.seq)
		}
	}
}

func TestFollowFromNothing(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	got := make(chan []uint64, 10)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	r := mustOpen(t, dir)
	go func() {
		done <- r.Follow(ctx, func(events []Event) error { got <- numbers(events); return nil })
	}()
	next := func(want ...uint64) {
		t.Helper()
		if ns := <-got; !slices.Equal(ns, want) {
			t.Errorf("got %v, want %v", ns, want)
		}
	}
	w := mustWriter(t, dir)
	write(t, w, a(1), a(2))
	next(1, 2)
	// a torn line is none until it is whole
	half := `{"seq":3,"event":"done"`
	appendTo(t, dir, half)
	appendTo(t, dir, "}\n")
	next(3)
	w.seq = 3
	// it is emptied, and deleted: the numbers continue
	if err := os.Truncate(newest(dir), 0); err != nil {
		t.Fatal(err)
	}
	write(t, w, a(4))
	next(4)
	if err := os.Remove(newest(dir)); err != nil {
		t.Fatal(err)
	}
	write(t, w, a(5))
	next(5)
	// and start at 1 again if no supervisor knows them
	if err := os.Remove(newest(dir)); err != nil {
		t.Fatal(err)
	}
	write(t, mustWriter(t, dir), a(1))
	next(1)
	cancel()
	if err := <-done; !errors.Is(err, context.Canceled) {
		t.Error(err)
	}
}

func appendTo(t *testing.T, dir, text string) {
	t.Helper()
	f, err := os.OpenFile(newest(dir), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	if _, err := f.WriteString(text); err != nil {
		t.Fatal(err)
	}
}

// What cannot be watched is looked at.
func TestFollowWithoutWatch(t *testing.T) {
	t.Parallel()
	changed, tick, stop := watch(t.TempDir() + "/none")
	defer stop()
	if changed != nil || tick == nil {
		t.Error("a directory that is not there is watched")
	}
}
