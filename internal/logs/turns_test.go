package logs

import (
	"log/slog"
	"os"
	"testing"
)

// Each system call that takes its time holds a thread, and ten thousand of them
// end a Go program.
func TestRemovalsTakeTurns(t *testing.T) {
	t.Parallel()
	dir := Dir(t.TempDir())
	k := NewKeeper(dir, Limits{}, slog.New(slog.DiscardHandler), nil, nil)
	defer k.Close()
	f, err := k.Create("web", 1)
	if err != nil {
		t.Fatal(err)
	}
	f.Close()
	for range cap(k.turns) {
		k.turns <- struct{}{}
	}
	removed := make(chan error)
	go func() { removed <- k.Remove("web") }()
	for range 1000 {
		if _, err := os.Stat(dir.Path("web", 1)); err != nil {
			t.Fatal("removed while others had their turns")
		}
	}
	for range cap(k.turns) {
		<-k.turns
	}
	if err := <-removed; err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(dir.Path("web", 1)); !os.IsNotExist(err) {
		t.Fatal("not removed")
	}
}
