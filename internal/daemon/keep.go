package daemon

import (
	"fmt"

	"tasks/internal/logs"
)

// keepArg is how much a supervisor keeps, as an argument of the program.
func keepArg(ended int, l logs.Limits) string {
	return fmt.Sprintf("%d,%d,%d,%d", ended, l.MaxSize, l.Keep, l.Total)
}

func parseKeep(arg string) (ended int, l logs.Limits, err error) {
	if _, err = fmt.Sscanf(arg, "%d,%d,%d,%d", &ended, &l.MaxSize, &l.Keep, &l.Total); err != nil {
		err = fmt.Errorf("bad limits %q: %w", arg, err)
	}
	return ended, l, err
}
