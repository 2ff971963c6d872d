package process

import (
	"strconv"
	"strings"
)

// runID identifies a run on this machine, in the environment of
// all that it starts. The number is the run's, or a line's beside it.
func runID(engine, name, number string) string { return engine + "/" + name + "/" + number }

// lineNumber is what the n-th line of Exec has for a number: no run has such.
func lineNumber(run int, n uint64) string {
	return strconv.Itoa(run) + ":" + strconv.FormatUint(n, 10)
}

// parseNumber reads the number of a run, or of a line beside it.
func parseNumber(number string) (run int, line, ok bool) {
	text, n, line := strings.Cut(number, ":")
	run, err := strconv.Atoi(text)
	if err == nil && line {
		_, err = strconv.ParseUint(n, 10, 64)
	}
	return run, line, err == nil
}

// parseID reads the id of a run of the engine.
func parseID(id, engine string) (name string, run int, line, ok bool) {
	rest, ok := strings.CutPrefix(id, engine+"/")
	name, number, ok2 := strings.Cut(rest, "/")
	run, line, ok3 := parseNumber(number)
	return name, run, line, ok && ok2 && ok3
}

// commitMark is what a run is given of the database's commits before it. It names the
// engine: an earlier version may hand it on to what another supervisor begins.
func commitMark(engine string, commits uint64) string {
	return engine + "/" + strconv.FormatUint(commits, 10)
}

// parseCommit reads what commitMark made; 0 where it is not of the engine.
func parseCommit(mark, engine string) uint64 {
	number, ok := strings.CutPrefix(mark, engine+"/")
	n, err := strconv.ParseUint(number, 10, 64)
	if !ok || err != nil {
		return 0
	}
	return n
}

// isRun reports whether the id is of a run of the engine, or of a line beside one.
func isRun(id, engine string) bool {
	_, _, _, ok := parseID(id, engine)
	return ok
}

// isLine reports whether the id is of a line beside a run of the engine.
func isLine(id, engine string) bool {
	_, _, line, ok := parseID(id, engine)
	return line && ok
}
