//go:build !linux

package daemon

import (
	"os"
	"os/signal"
	"syscall"
)

// resetIgnored undoes what the caller had ignored: tasks would inherit it.
func resetIgnored() {
	sink := make(chan os.Signal, 1)
	signal.Notify(sink, append(harmless, syscall.SIGQUIT)...)
	go func() {
		for range sink {
		}
	}()
}

func allowBackgroundOutput() {}
