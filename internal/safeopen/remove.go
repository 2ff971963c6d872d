package safeopen

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"

	"golang.org/x/sys/unix"
)

// levels is how far below its top a tree is deleted in place: what is deeper is
// moved up first, so that no tree takes more descriptors than that.
const levels = 16

// RemoveAll deletes all that is at name in the directory at dir, name is a single element.
// It succeeds if one of the two is missing; a dir that is anything else is an ENOTDIR, at
// once. It follows no link, enters no other file system, takes few descriptors however deep
// the tree is, and gives the directories of this user the permissions that it needs. It
// deletes what it can; the error names the first that is left.
func RemoveAll(dir, name string) error {
	parent, err := os.OpenFile(dir+"/.", os.O_RDONLY|unix.O_DIRECTORY, 0)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer parent.Close()
	var r remover
	r.remove(parent, dir, name, -1)
	return r.err
}

// A remover deletes one tree.
type remover struct {
	device uint64   // that the tree is on
	top    *os.File // of the tree
	moved  int      // how often something was moved there
	done   int      // what was deleted or moved
	err    error    // the first
}

func (r *remover) fail(op, path string, err error) {
	if r.err == nil {
		r.err = &fs.PathError{Op: op, Path: path, Err: err}
	}
}

// remove deletes what is at name in d, the directory at path that has that level.
func (r *remover) remove(d *os.File, path, name string, level int) {
	fd := int(d.Fd())
	path += "/" + name
	err := unix.Unlinkat(fd, name, 0)
	if err == nil {
		r.done++
		return
	}
	if err == unix.ENOENT {
		return
	}
	below, oerr := enter(fd, name)
	switch {
	case oerr == unix.ENOENT:
		return
	case oerr == unix.ENOTDIR, oerr == unix.ELOOP: // no directory: that was why
		r.fail("unlink", path, err)
		return
	case oerr != nil:
		r.removeDir(fd, path, name, "open", oerr)
		return
	}
	sub := os.NewFile(uintptr(below), path)
	defer sub.Close()
	var st unix.Stat_t
	switch err := unix.Fstat(below, &st); {
	case err != nil:
		r.fail("stat", path, err)
		return
	case r.top == nil:
		r.top, r.device = sub, uint64(st.Dev)
	case uint64(st.Dev) != r.device:
		r.fail("unlink", path, unix.EBUSY) // as of a mount point
		return
	}
	if st.Mode&0o700 != 0o700 {
		_ = unix.Fchmod(below, 0o700) // of another's directory it fails, as what follows may
	}
	err = r.empty(sub, path, level+1)
	r.removeDir(fd, path, name, "unlink", err)
}

// removeDir deletes a directory that is empty; else the error is why it is not, if
// that is known.
func (r *remover) removeDir(fd int, path, name, op string, why error) {
	err := unix.Unlinkat(fd, name, unix.AT_REMOVEDIR)
	switch {
	case err == nil:
		r.done++
	case err == unix.ENOENT:
	case why != nil:
		r.fail(op, path, why)
	default:
		r.fail("unlink", path, err)
	}
}

// empty deletes what is in d, until there is nothing or it gets no further: what is
// moved to the top comes after what was listed there.
func (r *remover) empty(d *os.File, path string, level int) error {
	for {
		before, found := r.done, 0
		for {
			names, err := d.Readdirnames(1024)
			found += len(names)
			for _, name := range names {
				if level < levels {
					r.remove(d, path, name, level)
				} else {
					r.moveUp(d, path, name)
				}
			}
			if err == io.EOF {
				break
			}
			if err != nil {
				return errors.Unwrap(err)
			}
		}
		if found == 0 || r.done == before {
			return nil
		}
		if _, err := d.Seek(0, io.SeekStart); err != nil {
			return errors.Unwrap(err)
		}
	}
}

// moveUp deletes what is at name in d, or else moves it to the top of the tree.
func (r *remover) moveUp(d *os.File, path, name string) {
	fd, top := int(d.Fd()), int(r.top.Fd())
	err := unix.Unlinkat(fd, name, 0)
	if err != nil && err != unix.ENOENT {
		if e := unix.Unlinkat(fd, name, unix.AT_REMOVEDIR); e != unix.ENOTDIR {
			err = e
		}
	}
	if err == unix.ENOTEMPTY || err == unix.EEXIST {
		if sub, e := enter(fd, name); e == nil {
			_ = unix.Fchmod(sub, 0o700) // to be moved, a directory is written to
			unix.Close(sub)
		}
		for err = unix.EEXIST; err == unix.EEXIST || err == unix.ENOTEMPTY || err == unix.ENOTDIR; {
			r.moved++
			err = unix.Renameat(fd, name, top, fmt.Sprintf("moved-up-%d", r.moved))
		}
	}
	switch {
	case err == nil:
		r.done++
	case err != unix.ENOENT:
		r.fail("unlink", path+"/"+name, err)
	}
}

// enter opens the directory at name below fd, which may be one of this user's that nobody
// may read.
func enter(fd int, name string) (int, error) {
	const flags = unix.O_RDONLY | unix.O_DIRECTORY | unix.O_NOFOLLOW | unix.O_CLOEXEC
	below, err := unix.Openat(fd, name, flags, 0)
	if err == unix.EACCES && allow(fd, name) == nil {
		below, err = unix.Openat(fd, name, flags, 0)
	}
	return below, err
}
