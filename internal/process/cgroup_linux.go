package process

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"io/fs"
	"maps"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// cgroups makes a control group of version 2, cgroups(7), for each run, where
// this process may: whatever a run begins is in it and cannot leave it
// unnoticed, all of it is killed by one write, and the kernel reports whether it
// is empty. They lie below the cgroup of the supervisor that made them, and use
// no controllers. The zero value makes none.
type cgroups struct{ dir string }

// cgroup is the directory of a run's cgroup; "" where it has none.
type cgroup string

// cgroupDir begins the name of the directory of all runs of a state.
const cgroupDir = "tasks-"

// cgroupName is the name of the directory of all runs of the state called id. Every
// user can see it, and must not learn the id of it: who knows that can pass for a
// part of a run, see runIDOf.
func cgroupName(id string) string {
	sum := sha256.Sum256([]byte("cgroup of " + id))
	return cgroupDir + hex.EncodeToString(sum[:8])
}

// openCgroups makes the directory for the runs of the state called id. The error
// is why there cannot be any.
func openCgroups(id string) (cgroups, error) {
	own, err := ownCgroup()
	if err != nil {
		return cgroups{}, err
	}
	g := cgroups{filepath.Join(own, cgroupName(id))}
	if err := g.make(); err != nil {
		return cgroups{}, err
	}
	return g, nil
}

func (g cgroups) make() error {
	if err := mkdir(g.dir); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return chmod(g.dir, 0o755) // the umask is the tasks'
}

// ownCgroup is the directory of the cgroup that this process is in.
func ownCgroup() (string, error) {
	path, err := cgroupPath("self")
	if err != nil {
		return "", err
	}
	return cgroupDirOf(path)
}

// cgroupDirOf is where the cgroup that cgroupPath names is mounted.
func cgroupDirOf(path string) (string, error) {
	mounts, err := readAll("/proc/self/mountinfo")
	if err != nil {
		return "", err
	}
	for line := range strings.Lines(string(mounts)) {
		f := strings.Fields(line) // proc_pid_mountinfo(5)
		kind := slices.Index(f, "-") + 1
		if kind < 7 || kind >= len(f) || f[kind] != "cgroup2" {
			continue
		}
		rest, ok := strings.CutPrefix(path+"/", strings.TrimSuffix(f[3], "/")+"/")
		dir := filepath.Join(f[4], rest)
		if !ok || path == "" || strings.HasPrefix(path, "/..") {
			continue
		}
		info, err := fileInfo(dir)
		if failure(err) != nil {
			return "", err
		}
		if err == nil && info.IsDir() {
			return dir, nil
		}
	}
	return "", errNoCgroups
}

var errNoCgroups = errors.New("no cgroup file system of version 2 is mounted")

// cgroupPath is where the process is in the hierarchy of version 2, such as
// "/user.slice"; "" where it is gone, or in none.
func cgroupPath(pid string) (string, error) {
	b, err := readFirst("/proc/"+pid+"/cgroup", make([]byte, 8<<10))
	if err != nil {
		return "", failure(err)
	}
	for line := range bytes.Lines(b) {
		if path, ok := bytes.CutPrefix(line, []byte("0::")); ok {
			return string(bytes.TrimSuffix(path, []byte("\n"))), nil
		}
	}
	return "", nil
}

// runOfCgroup is the run whose cgroup, or one that it made itself, has this path,
// and the path of the run's cgroup.
func runOfCgroup(path, id string) (run, group string) {
	all := "/" + cgroupName(id) + "/"
	above, rest, ok := strings.Cut(path, all)
	dir, _, _ := strings.Cut(rest, "/")
	name, number, ok2 := strings.Cut(dir, ":")
	_, _, ok3 := parseNumber(number)
	if !ok || !ok2 || !ok3 {
		return "", ""
	}
	return runID(id, name, number), above + all + dir
}

// LeaveCgroup takes this process out of the cgroup of a run, of whatever
// supervisor: a supervisor that is started by a task is not part of that task.
func LeaveCgroup() error {
	own, err := ownCgroup()
	if err != nil {
		return nil
	}
	outside := ""
	for dir := own; dir != "/"; dir = filepath.Dir(dir) {
		if strings.HasPrefix(filepath.Base(dir), cgroupDir) && strings.Contains(strings.TrimPrefix(own, dir), ":") {
			outside = filepath.Dir(dir)
		}
	}
	if outside == "" {
		return nil
	}
	return writeCgroup(outside, "cgroup.procs", "0")
}

func writeCgroup(dir, file, text string) error {
	return writeFile(dir+"/"+file, text)
}

// create makes the cgroup of a run and opens it, for the run to begin in it. One
// that is there already, of a removed task that left processes behind, is an
// error.
func (g cgroups) create(name, number string) (c cgroup, fd int, err error) {
	if g.dir == "" {
		return "", -1, nil
	}
	c = cgroup(g.dir + "/" + name + ":" + number)
	err = mkdir(string(c))
	switch {
	case errors.Is(err, unix.EEXIST) && c.remove() == nil:
		err = mkdir(string(c))
	case errors.Is(err, unix.ENOENT) && g.make() == nil: // somebody has tidied up
		err = mkdir(string(c))
	}
	if err != nil {
		return "", -1, &fs.PathError{Op: "mkdir", Path: string(c), Err: err}
	}
	chmod(string(c), 0o755)
	fd, err = open(string(c), unix.O_RDONLY|unix.O_DIRECTORY)
	if err != nil {
		c.remove()
		return "", -1, err
	}
	return c, fd, nil
}

// sysProcAttr starts a run in the opened cgroup; -1: none.
func sysProcAttr(in int) *syscall.SysProcAttr {
	attr := &syscall.SysProcAttr{Setsid: true}
	if in >= 0 {
		attr.UseCgroupFD, attr.CgroupFD = true, in
	}
	return attr
}

// refused reports whether a fork with a cgroup may have failed for that.
func refused(err error) bool {
	for _, e := range []error{unix.EACCES, unix.EPERM, unix.EBADF, unix.ENOSYS, unix.EOPNOTSUPP, unix.EBUSY, unix.ENODEV, unix.EINVAL} {
		if errors.Is(err, e) {
			return true
		}
	}
	return false
}

// all is the cgroups that there are, by run of the state called id.
func (g cgroups) all(id string) (map[string]cgroup, error) {
	all := make(map[string]cgroup)
	if g.dir == "" {
		return all, nil
	}
	names, err := readNames(g.dir)
	if err != nil && !gone(err) {
		return nil, err
	}
	for _, name := range names {
		c := cgroup(filepath.Join(g.dir, name))
		if run, _ := runOfCgroup(string(c), id); run != "" {
			all[run] = c
		}
	}
	return all, nil
}

// clean removes those of runs that are empty. What it cannot remove the next
// supervisor does.
func (g cgroups) clean(id string) {
	all, _ := g.all(id)
	for _, run := range slices.Sorted(maps.Keys(all)) {
		all[run].remove()
	}
}

// close removes all that is empty.
func (g cgroups) close(id string) {
	g.clean(id)
	if g.dir != "" {
		rmdir(g.dir)
	}
}

// populated reports whether a living process is in the cgroup, or in one below it.
func (c cgroup) populated() (bool, error) { return c.event("populated 1") }

// event reports whether cgroup.events has the line. A cgroup that is gone has none.
func (c cgroup) event(line string) (bool, error) {
	if c == "" {
		return false, nil
	}
	b, err := readFirst(string(c)+"/cgroup.events", make([]byte, 256))
	if gone(err) {
		return false, nil
	}
	return bytes.Contains(b, []byte(line)), err
}

// left is the remaining processes in the cgroup. What has ended a moment ago may not have
// left it yet, depending on the kernel: occupied without members is that, or a
// process that comes and goes. Nobody would tell of what is dead that it is gone.
func (c cgroup) left() (members []stat, occupied bool, err error) {
	for range 10 {
		if occupied, err = c.populated(); !occupied || err != nil {
			return nil, occupied, err
		}
		if members, err = c.members(); err != nil {
			return nil, true, err
		}
		if members = slices.DeleteFunc(members, stat.dead); len(members) > 0 {
			break
		}
		nap(100 * time.Microsecond)
	}
	return members, true, nil
}

// members is every process in the cgroup and those below it, but this one.
func (c cgroup) members() (all []stat, err error) {
	pids, err := c.pids()
	if err != nil {
		return nil, err
	}
	buf := make([]byte, 1024)
	for _, pid := range pids {
		switch s, err := readStat(pid, buf); {
		case err == nil:
			all = append(all, s)
		case failure(err) != nil:
			return nil, err
		}
	}
	// A pid that was given to another before it was looked at is not there again.
	still, err := c.pids()
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(all, func(s stat) bool { return s.pid == ownPID || !slices.Contains(still, s.pid) }), nil
}

// holdsSelf reports whether this process is in the cgroup, or may be.
func (c cgroup) holdsSelf() bool {
	pids, err := c.pids()
	return err != nil || slices.Contains(pids, ownPID)
}

// pids is who is in the cgroup and those below it. Only one that has some below
// it is listed: each costs a directory of files.
func (c cgroup) pids() ([]int, error) {
	if c == "" {
		return nil, nil
	}
	var all []int
	b, err := readAll(string(c) + "/cgroup.procs")
	if gone(err) || errors.Is(err, unix.EOPNOTSUPP) { // a threaded one, cgroups(7): the one above it lists what is in it
		return nil, nil
	}
	for line := range bytes.Lines(b) {
		if pid, err := strconv.Atoi(string(bytes.TrimSpace(line))); err == nil && pid > 0 {
			all = append(all, pid)
		}
	}
	if err != nil {
		return all, err
	}
	below, err := c.below()
	for _, d := range below {
		pids, belowErr := d.pids()
		all = append(all, pids...)
		if belowErr != nil {
			err = belowErr
		}
	}
	return all, err
}

// below is the cgroups in this one.
func (c cgroup) below() (all []cgroup, err error) {
	if _, links, err := lstat(string(c)); err != nil || links <= 2 { // itself, and its name
		return nil, unlessGone(err)
	}
	names, err := readNames(string(c))
	for _, name := range names {
		d := c + cgroup("/"+name)
		switch mode, _, statErr := lstat(string(d)); {
		case statErr == nil && mode&unix.S_IFMT == unix.S_IFDIR:
			all = append(all, d)
		case statErr != nil && !gone(statErr):
			err = statErr
		}
	}
	return all, unlessGone(err)
}

// kill kills everything in the cgroup in one step, also what forks meanwhile
// (Linux 5.14). A supervisor that is itself part of the run does not.
func (c cgroup) kill() {
	if c != "" && !c.holdsSelf() {
		writeCgroup(string(c), "cgroup.kill", "1") // without it, one by one
	}
}

// remove removes an empty cgroup with the cgroups that its run made in it.
func (c cgroup) remove() error {
	err := rmdir(string(c))
	if !errors.Is(err, unix.EBUSY) {
		return err
	}
	if occupied, lookErr := c.populated(); occupied || lookErr != nil {
		return err
	}
	below, _ := c.below()
	for _, d := range below {
		d.remove()
	}
	return rmdir(string(c))
}
