package daemon

import (
	"fmt"

	"tasks/internal/logs"
	"tasks/internal/protocol"
)

// keepArg is how much a supervisor keeps, as an argument of the program.
func keepArg(ended int, l logs.Limits) string {
	return fmt.Sprintf("%d,%d,%d,%d", ended, l.MaxSize, l.Keep, l.Total)
}

// setLimits takes over what is given of the limits, for the next program.
func (cfg *Config) setLimits(o protocol.Replace) {
	set(&cfg.KeepEnded, o.KeepEnded)
	set(&cfg.Logs.MaxSize, o.LogMaxSize)
	set(&cfg.Logs.Keep, o.LogKeep)
	set(&cfg.Logs.Total, o.LogTotal)
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}

func parseKeep(arg string) (ended int, l logs.Limits, err error) {
	if _, err = fmt.Sscanf(arg, "%d,%d,%d,%d", &ended, &l.MaxSize, &l.Keep, &l.Total); err != nil {
		err = fmt.Errorf("bad limits %q: %w", arg, err)
	}
	return ended, l, err
}
