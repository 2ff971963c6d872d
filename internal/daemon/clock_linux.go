package daemon

import (
	"errors"
	"math"
	"os"
	"time"

	"golang.org/x/sys/unix"
)

// watchClock calls set whenever the wall clock was set, with by how much, and
// with 0 when the machine has slept: a timer of timerfd_create(2) that never
// expires is cancelled by both. It returns when there is no such timer.
func watchClock(set func(by time.Duration)) error {
	fd, err := unix.TimerfdCreate(unix.CLOCK_REALTIME, unix.TFD_CLOEXEC|unix.TFD_NONBLOCK)
	if err != nil {
		return os.NewSyscallError("timerfd_create", err)
	}
	timer := os.NewFile(uintptr(fd), "timerfd") // read by the runtime's poller: no thread waits
	defer timer.Close()
	for before := ahead(); ; {
		never := unix.ItimerSpec{Value: unix.NsecToTimespec(math.MaxInt64)}
		err := unix.TimerfdSettime(fd, unix.TFD_TIMER_ABSTIME|unix.TFD_TIMER_CANCEL_ON_SET, &never, nil)
		if err != nil && !errors.Is(err, unix.ECANCELED) { // cancelled before this: looked at now
			return os.NewSyscallError("timerfd_settime", err)
		}
		after := ahead()
		if err != nil || after-before > clockNoise || before-after > clockNoise {
			set(after - before)
			before = after
			continue
		}
		if _, err := timer.Read(make([]byte, 8)); !errors.Is(err, unix.ECANCELED) {
			return err
		}
		after = ahead()
		set(after - before)
		before = after
	}
}

// clockNoise is what two readings of the clocks may differ by.
const clockNoise = 100 * time.Millisecond

// ahead is how far the wall clock is ahead of the boot-time clock, which nobody sets and
// which counts sleep.
func ahead() time.Duration {
	var wall, boot unix.Timespec
	unix.ClockGettime(unix.CLOCK_REALTIME, &wall)
	unix.ClockGettime(unix.CLOCK_BOOTTIME, &boot)
	return time.Duration(wall.Nano() - boot.Nano())
}
