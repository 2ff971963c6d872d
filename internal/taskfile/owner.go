package taskfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"syscall"

	"tasks/internal/trust"
)

// A reader says whose files are taken where they are found, as git's safe.directory and
// sshd's StrictModes do: a tasks file is a list of commands.
type reader struct {
	uid     int
	users   []int // trusted: uid, root, and the added ones
	system  int   // who else may own a directory: root, where user namespaces hide it; -1: nobody
	private func(uid, gid int) bool
}

func newReader(also ...int) *reader {
	uid := os.Geteuid()
	return &reader{uid: uid, users: append([]int{uid, 0}, also...), system: trust.Unmapped(), private: trust.PrivateGroup}
}

// objection is why the file at path, which nobody has named, may be the work of
// somebody who does not count; "" where it is not. It continues "it".
func (r *reader) objection(path string) string {
	entry, err := os.Lstat(path)
	if err != nil {
		return "cannot be looked at: " + reason(err).Error()
	}
	dir, err := os.Stat(filepath.Dir(path))
	if err != nil {
		return "cannot be looked at: " + reason(err).Error()
	}
	file, err := os.Stat(path) // of what cannot be reached, the rest says who has put it here
	switch mine := owner(entry) == r.uid && links(entry) == 1; {
	case !slices.Contains(r.users, owner(entry)):
		return fmt.Sprintf("belongs to uid %d", owner(entry))
	case err == nil && !slices.Contains(r.users, owner(file)):
		return fmt.Sprintf("leads to a file of uid %d", owner(file))
	case mine: // whoever writes here besides, this is not their link to a file of this user
		return ""
	case !slices.Contains(r.users, owner(dir)) && owner(dir) != r.system:
		return fmt.Sprintf("is in a directory of uid %d", owner(dir))
	case r.open(dir):
		return "is in a directory that others can write to"
	case err == nil && r.open(file):
		return "can be written by others"
	}
	return ""
}

// objectionBeside is an objection to the .env that is read with the tasks file at path.
func (r *reader) objectionBeside(path string) string {
	env := filepath.Join(filepath.Dir(path), ".env")
	if _, err := os.Lstat(env); errors.Is(err, fs.ErrNotExist) {
		return ""
	}
	if why := r.objection(env); why != "" {
		return "has a .env beside it that " + why
	}
	return ""
}

// open reports whether others can write to a file, or make and rename entries of a
// directory, sticky or not.
func (r *reader) open(fi fs.FileInfo) bool {
	if fi.Mode().Perm()&0o020 != 0 && !slices.ContainsFunc(r.users, func(uid int) bool { return r.private(uid, group(fi)) }) {
		return true
	}
	return fi.Mode().Perm()&0o002 != 0
}

// Foreign is why a task that is taken from the file at path may run what somebody else
// than this user and root has written; "" where it does not. It continues the path.
func Foreign(path string) string { return newReader().objection(path) }

// foreignDotEnv is why a .env is not read: its owner is not the owner of the tasks file,
// and the users of the directory do not trust each other, as in /tmp.
func foreignDotEnv(path, file string) error {
	dir, err := os.Stat(filepath.Dir(path))
	sticky := err == nil && dir.Mode()&fs.ModeSticky != 0 && dir.Mode().Perm()&0o022 != 0
	if err != nil || !sticky && dir.Mode().Perm()&0o002 == 0 {
		return nil
	}
	r := newReader()
	if fi, err := os.Stat(file); err == nil {
		r.users = append(r.users, owner(fi))
	}
	for _, look := range []func(string) (fs.FileInfo, error){os.Lstat, os.Stat} {
		if fi, err := look(path); err == nil && !slices.Contains(r.users, owner(fi)) {
			return fmt.Errorf("%s belongs to uid %d, in a directory where anybody may put one: remove it, or move the tasks file", path, owner(fi))
		}
	}
	return nil
}

// owner is the user that a file belongs to; -1 where that is not known.
func owner(fi fs.FileInfo) int {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int(st.Uid)
	}
	return -1
}

func group(fi fs.FileInfo) int {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return int(st.Gid)
	}
	return -1
}

// links is the number of names that a file has.
func links(fi fs.FileInfo) uint64 {
	if st, ok := fi.Sys().(*syscall.Stat_t); ok {
		return uint64(st.Nlink)
	}
	return 0
}
