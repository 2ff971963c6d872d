//go:build failpoints

package failpoint

import (
	"os"
	"strconv"
	"strings"
	"sync/atomic"
	"syscall"
)

var (
	point, number, _ = strings.Cut(os.Getenv(Variable), ":")
	pass             = max(1, atoi(number))
	passed           atomic.Int64
)

func atoi(s string) int64 { n, _ := strconv.ParseInt(s, 10, 64); return n }

// At kills this program if the variable names this point.
func At(name string) {
	if name == point && passed.Add(1) == pass {
		syscall.Kill(os.Getpid(), syscall.SIGKILL)
		select {} // nothing is done after it, even if the signal takes a while
	}
}
