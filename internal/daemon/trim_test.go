package daemon

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"
	"time"
)

// What was allocated long ago is given back as well, once those are gone that held it.
func TestGiveBackOfWhatWasHeldForLong(t *testing.T) {
	const many, each = 200, 128 << 10 // more than a stack takes in
	last := giveBack(held{})
	var begun, over sync.WaitGroup
	begun.Add(many)
	end := make(chan struct{})
	for range many {
		over.Go(func() {
			b := make([]byte, each)
			begun.Done()
			<-end
			runtime.KeepAlive(b)
		})
	}
	begun.Wait()
	last = giveBack(last)
	inUse := func() int64 {
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapSys - m.HeapReleased)
	}
	before := inUse()
	close(end)
	over.Wait()
	giveBack(last)
	if given := before - inUse(); given < many*each/2 {
		t.Errorf("%d KiB were given back of %d KiB", given>>10, many*each>>10)
	}
}

func TestGCPercent(t *testing.T) {
	t.Parallel()
	for inUse, want := range map[uint64]int{0: 200, 2 << 20: 200, 8 << 20: 100, 16 << 20: 50, 1 << 30: 50} {
		if got := gcPercent(inUse); got != want {
			t.Errorf("with %d MiB in use: %d %%, want %d", inUse>>20, got, want)
		}
	}
}

func TestSettled(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s, over := make(stirred, 1), make(chan struct{})
		began := time.Now()
		var at []time.Duration
		go s.settled(over, func() { at = append(at, time.Since(began)) })
		s.stir()
		time.Sleep(quiet + quiet/2)
		for range 30 { // always something: for 15 s
			s.stir()
			time.Sleep(quiet / 2)
		}
		time.Sleep(busy)
		close(over)
		synctest.Wait()
		first := quiet + quiet/2 + busy
		if len(at) != 3 || at[0] != quiet || at[1] != first {
			t.Errorf("at %v, want %v, %v and once when it is quiet", at, quiet, first)
		}
	})
}
