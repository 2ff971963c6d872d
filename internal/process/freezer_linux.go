package process

import (
	"bytes"
	"cmp"
	"errors"
	"io/fs"
)

// freeze suspends all processes in the cgroup, also what is forked meanwhile. It
// reports false where that cannot be; a supervisor that is itself part of the run
// does not freeze itself.
func (c cgroup) freeze() bool {
	return c != "" && !c.holdsSelf() && writeCgroup(string(c), "cgroup.freeze", "1") == nil
}

// thaw takes a freeze back. What the run has frozen itself in a cgroup below, as a paused
// container, stays so. Few are frozen, and to ask is cheaper than to write.
func (c cgroup) thaw() error {
	if c == "" {
		return nil
	}
	b, err := readFirst(string(c)+"/cgroup.freeze", make([]byte, 16))
	if err == nil && bytes.HasPrefix(b, []byte("1")) {
		err = writeCgroup(string(c), "cgroup.freeze", "0")
	}
	return unlessGone(err)
}

// thawAll resumes all processes in the cgroup and those below it, so that they act on a signal.
// One below that may not be written to, as it is another user's, is left to KILL, which
// ends also what is frozen.
func (c cgroup) thawAll() error {
	if c == "" {
		return nil
	}
	below, err := c.below()
	for _, d := range below {
		if thawErr := d.thawAll(); !errors.Is(thawErr, fs.ErrPermission) {
			err = cmp.Or(err, thawErr)
		}
	}
	return cmp.Or(err, c.thaw())
}

// frozen reports whether everything in the cgroup is frozen.
func (c cgroup) frozen() (bool, error) { return c.event("frozen 1") }
