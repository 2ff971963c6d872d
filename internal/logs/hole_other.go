//go:build !linux

package logs

import "os"

// nextData is offset: logs get holes on Linux alone.
func nextData(_ *os.File, offset int64) (int64, error) { return offset, nil }
