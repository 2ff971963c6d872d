package daemon

import (
	"os"
	"os/signal"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// resetIgnored undoes what the caller had ignored, as nohup does with HUP: an
// ignored signal would stay ignored in every task, execve(2). One that the
// program handles is reset to its default there.
func resetIgnored() {
	sink := make(chan os.Signal, 1)
	signal.Notify(sink, harmless...)
	for sig := range ignored() {
		signal.Notify(sink, sig)
	}
	go func() {
		for range sink {
		}
	}()
}

// ignored yields the signals in SigIgn of proc_pid_status(5).
func ignored() func(func(syscall.Signal) bool) {
	return func(yield func(syscall.Signal) bool) {
		b, _ := os.ReadFile("/proc/self/status")
		_, rest, _ := strings.Cut(string(b), "SigIgn:")
		mask, _ := strconv.ParseUint(strings.TrimSpace(strings.SplitN(rest, "\n", 2)[0]), 16, 64)
		for sig := syscall.Signal(1); sig <= 31; sig++ {
			if mask&(1<<(sig-1)) != 0 && !yield(sig) {
				return
			}
		}
	}
}

// allowBackgroundOutput lets this thread write to a terminal from the background, also if
// the terminal forbids that (stty tostop).
func allowBackgroundOutput() {
	var set unix.Sigset_t
	set.Val[0] = 1 << (syscall.SIGTTOU - 1)
	unix.PthreadSigmask(unix.SIG_BLOCK, &set, nil)
}
