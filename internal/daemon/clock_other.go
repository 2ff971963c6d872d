//go:build !linux

package daemon

import (
	"errors"
	"time"
)

func watchClock(func(by time.Duration)) error {
	return errors.New("this system does not tell when the clock is set")
}
