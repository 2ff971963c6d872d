//go:build !linux && !darwin

package socket

import "errors"

func peer(int) (uid, pid int, err error) { return 0, 0, errors.ErrUnsupported }
