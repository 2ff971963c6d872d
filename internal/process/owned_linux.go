package process

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"syscall"
)

// ownedCgroups remembers which directories that have cgroups of runs are of this user. Another
// one may give the same names to cgroups of his own: names are not secret.
type ownedCgroups map[string]bool

// runOfPID is the run of the state called id in whose cgroup the process is, or "".
func (o ownedCgroups) runOfPID(pid int, id string) (string, error) {
	path, err := cgroupPath(strconv.Itoa(pid))
	if err != nil {
		return "", err
	}
	run, _, err := o.runOf(path, id)
	return run, err
}

// runOf is runOfCgroup, of the cgroups of this user.
func (o ownedCgroups) runOf(path, id string) (run, group string, err error) {
	if run, group = runOfCgroup(path, id); run == "" {
		return "", "", nil
	}
	above := filepath.Dir(group)
	owned, known := o[above]
	if !known {
		if owned, err = ownsCgroup(above); err != nil {
			return "", "", err
		}
		o[above] = owned
	}
	if !owned {
		return "", "", nil
	}
	return run, group, nil
}

// ownsCgroup reports whether this user has made the cgroup that path names.
func ownsCgroup(path string) (bool, error) {
	dir, err := cgroupDirOf(path)
	if errors.Is(err, errNoCgroups) { // or none that is visible here
		return false, nil
	}
	if err != nil {
		return false, err
	}
	info, err := fileInfo(dir)
	if err != nil {
		return false, failure(err)
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	return ok && int(st.Uid) == os.Geteuid(), nil
}
