package taskfile

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"slices"

	"golang.org/x/sys/unix"

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

func newReader() *reader {
	uid := os.Geteuid()
	return &reader{uid: uid, users: []int{uid, 0}, system: trust.Unmapped(), private: trust.PrivateGroup}
}

// and is r that trusts the owner of a file too.
func (r *reader) and(st *unix.Stat_t) *reader {
	with := *r
	with.users = append(slices.Clone(r.users), int(st.Uid))
	return &with
}

func (r *reader) trusts(st *unix.Stat_t) bool { return slices.Contains(r.users, int(st.Uid)) }

// objection is why the file, which nobody has named, may be the work of somebody who does
// not count; "" where it is not. It continues "it".
func (r *reader) objection(o *opened) string {
	switch {
	case o.entry == nil:
		return "cannot be looked at: " + reason(o.err).Error()
	case !r.trusts(o.entry):
		return fmt.Sprintf("belongs to uid %d", o.entry.Uid)
	case o.target != nil && !r.trusts(o.target): // of what cannot be reached, the rest says who has put it here
		return fmt.Sprintf("leads to a file of uid %d", o.target.Uid)
	case !r.trusts(o.dir) && int(o.dir.Uid) != r.system:
		return fmt.Sprintf("is in a directory of uid %d", o.dir.Uid)
	case r.open(o.dir) && !r.keeps(o):
		return "is in a directory that others can write to"
	case o.target != nil && r.open(o.target):
		return "can be written by others"
	}
	return ""
}

// keeps reports whether the file is this user's own, and stays where it is, as in /tmp: others
// who write there can neither rename it nor have linked it.
func (r *reader) keeps(o *opened) bool {
	return o.dir.Mode&unix.S_ISVTX != 0 && int(o.entry.Uid) == r.uid && o.entry.Nlink == 1
}

// objectionBeside is an objection to the .env that is read with a tasks file.
func (r *reader) objectionBeside(env *opened) string {
	if errors.Is(env.err, fs.ErrNotExist) {
		return ""
	}
	if why := r.objection(env); why != "" {
		return "has a .env beside it that " + why
	}
	return ""
}

// open reports whether others can write to a file, or make and rename entries of a
// directory, sticky or not.
func (r *reader) open(st *unix.Stat_t) bool {
	if st.Mode&0o020 != 0 && !slices.ContainsFunc(r.users, func(uid int) bool { return r.private(uid, int(st.Gid)) }) {
		return true
	}
	return st.Mode&0o002 != 0
}

// refusal is why the .env of a tasks file is not read that is in the current directory or was
// named: it is not of a user who is trusted, and the users of the directory do not trust each
// other, as in /tmp.
func (r *reader) refusal(env *opened) error {
	if env.entry == nil || env.dir.Mode&0o002 == 0 && (env.dir.Mode&unix.S_ISVTX == 0 || env.dir.Mode&0o020 == 0) {
		return nil
	}
	refused := func(why string) error {
		return fmt.Errorf("it %s, in a directory where anybody may put one: remove it, or move the tasks file", why)
	}
	switch {
	case !r.trusts(env.entry):
		return refused(fmt.Sprintf("belongs to uid %d", env.entry.Uid))
	case env.target == nil:
		return nil // env.err says why
	case !r.trusts(env.target):
		return refused(fmt.Sprintf("belongs to uid %d", env.target.Uid))
	case env.entry.Nlink > 1: // somebody else may have made the link
		return refused("has more than one name (hard link)")
	}
	return nil
}
