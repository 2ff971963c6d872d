package safeopen

import (
	"fmt"
	"os"
	"strings"
	"syscall"
)

// LockedBy is the process that has a lock of flock(2) on f, such as "process 4711 (flock)";
// "" if unknown.
func LockedBy(f *os.File) string {
	info, err := f.Stat()
	if err != nil {
		return ""
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return ""
	}
	file := fmt.Sprintf(":%d", st.Ino)     // after the device, which not every file system has as stat(2) tells it
	locks, _ := os.ReadFile("/proc/locks") // proc_locks(5); there is none elsewhere
	for line := range strings.Lines(string(locks)) {
		words := strings.Fields(line)
		if len(words) < 6 || words[1] != "FLOCK" || !strings.HasSuffix(words[5], file) {
			continue
		}
		pid := words[4]
		if comm, err := os.ReadFile("/proc/" + pid + "/comm"); err == nil { // 0 and -1 are of another pid namespace
			return fmt.Sprintf("process %s (%s)", pid, strings.TrimSpace(string(comm)))
		}
	}
	return ""
}
