package process

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Database is what KillUnknown goes by.
type Database struct {
	Known   func(name string, run int) bool // whether it has, or had, the record of the run
	Commits uint64                          // how many it has had, see Options
	Older   bool                            // there were more: another file of it was in its place
}

// before reports whether the run began after the database's last commit, which came before
// its record's. A run has the number of commits before it, which may be the database's if
// the record should be, or was, in the next commit.
func (db *Database) before(name string, run int, commits uint64) bool {
	return commits > db.Commits || db.Older && !db.Known(name, run)
}

// OlderError says that the database is older than runs whose processes live. None of
// them was ended.
type OlderError struct {
	Later map[string][]int // pids, by task
}

// mostLater is how many tasks, and how many pids of each, the error names.
const mostLater = 10

func (err *OlderError) Error() string {
	var all []string
	for _, name := range slices.Sorted(maps.Keys(err.Later)) {
		var pids []string
		for _, pid := range err.Later[name] {
			pids = append(pids, strconv.Itoa(pid))
		}
		word := "pid"
		if len(pids) > 1 {
			word = "pids"
		}
		all = append(all, fmt.Sprintf("%s (%s %s)", name, word, someOf(pids)))
	}
	return "older than running tasks: " + someOf(all)
}

func someOf(all []string) string {
	if more := len(all) - mostLater; more > 0 {
		all = append(slices.Clip(all[:mostLater]), fmt.Sprintf("%d more", more))
	}
	return strings.Join(all, ", ")
}
