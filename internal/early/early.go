// Package early catches the signals of a supervisor that is executed in the place of
// another: one that nobody has asked for yet ends a Go program, and most of what the
// program needs to begin is the initialization of other packages than these few.
package early

import (
	"os"
	"os/signal"
	"syscall"
)

// Quit gets TERM and INT, Nudge gets USR1, once Catch was called.
var (
	Quit  = make(chan os.Signal, 1)
	Nudge = make(chan os.Signal, 1)
)

// The program takes over from another if these are its first arguments.
const (
	Command = "supervise"
	Resume  = "resume"
)

func init() {
	if len(os.Args) > 2 && os.Args[1] == Command && os.Args[2] == Resume {
		Catch()
	}
}

// Catch asks for the signals.
func Catch() {
	signal.Notify(Quit, syscall.SIGTERM, syscall.SIGINT)
	signal.Notify(Nudge, syscall.SIGUSR1)
}

// Leave has the signals of a supervisor ignored from now on, as they are when another
// program is executed, and returns the one that was not read from Quit; 0: none.
func Leave() syscall.Signal {
	signal.Ignore(syscall.SIGTERM, syscall.SIGINT, syscall.SIGHUP, syscall.SIGUSR1)
	select {
	case sig := <-Quit:
		return sig.(syscall.Signal)
	default:
		return 0
	}
}

// Redeliver has Quit get sig, as Leave has returned it, unless another came meanwhile.
func Redeliver(sig syscall.Signal) {
	select {
	case Quit <- sig:
	default:
	}
}
