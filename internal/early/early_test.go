package early

import (
	"os"
	"syscall"
	"testing"
)

// A signal that nobody has read is passed on, and one that comes then ends nobody.
func TestSignalIsPassedOn(t *testing.T) {
	Catch()
	if got := Leave(); got != 0 {
		t.Errorf("%v, and none was sent", got)
	}
	Catch()
	syscall.Kill(os.Getpid(), syscall.SIGTERM)
	Quit <- <-Quit // it has arrived
	got := Leave()
	for _, sig := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1} {
		syscall.Kill(os.Getpid(), sig)
	}
	if got != syscall.SIGTERM {
		t.Fatalf("got %v", got)
	}
	Catch()
	Redeliver(got)
	Redeliver(syscall.SIGINT)
	if sig := <-Quit; sig != syscall.SIGTERM || len(Quit) > 0 {
		t.Errorf("got %v, and %d more", sig, len(Quit))
	}
}
