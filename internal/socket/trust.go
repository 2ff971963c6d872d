package socket

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"tasks/internal/trust"
)

// A truster says who may change a directory without harm to one user: that user and root,
// as for sshd's StrictModes. Whoever can rename entries of a directory can put another in
// the place of all that is below it.
type truster struct {
	uid      int
	home     string             // what is above it is its administrator's business
	private  func(gid int) bool // nobody but the user and root is in that group
	unmapped int                // uid that root has where user namespaces hide it; -1: none
}

func newTruster() *truster {
	t := &truster{uid: os.Geteuid(), unmapped: trust.Unmapped()}
	t.private = func(gid int) bool { return trust.PrivateGroup(t.uid, gid) }
	if home, err := filepath.EvalSymlinks(os.Getenv("HOME")); err == nil && filepath.IsAbs(home) {
		if fi, err := os.Stat(home); err == nil && owner(fi) == t.uid {
			t.home = home
		}
	}
	return t
}

// check follows dir, which is path or above it, from the root directory on, link
// by link, and refuses path if others could lead that elsewhere. What is
// missing, the user will make.
func (t *truster) check(dir, path string) error {
	dir, err := filepath.Abs(dir)
	if err != nil {
		return fmt.Errorf("cannot check directory %s: %w", dir, err)
	}
	var refusal error
	at, rest := "/", names(dir)
	for links := 0; ; {
		fi, err := os.Lstat(at)
		if errors.Is(err, fs.ErrNotExist) {
			return refusal
		}
		if err != nil {
			return fmt.Errorf("cannot check directory %s: %w", at, cause(err))
		}
		if at == t.home {
			refusal = nil
		}
		if bad := t.judge(at, fi, path); bad != nil && refusal == nil {
			refusal = bad
		}
		if fi.Mode()&fs.ModeSymlink != 0 {
			if links++; links > 40 {
				return refused(path, "it has too many symbolic links")
			}
			target, err := os.Readlink(at)
			if err != nil {
				return fmt.Errorf("cannot check directory %s: %w", at, cause(err))
			}
			at = filepath.Dir(at)
			if filepath.IsAbs(target) {
				at = "/"
			}
			rest = append(names(target), rest...)
		}
		if len(rest) == 0 {
			return refusal
		}
		at, rest = filepath.Join(at, rest[0]), rest[1:] // at has no links: Join may shorten a ".."
	}
}

func names(path string) []string {
	return strings.FieldsFunc(path, func(r rune) bool { return r == '/' })
}

// judge says who else could change what is at one step of the way to path.
func (t *truster) judge(at string, fi fs.FileInfo, path string) error {
	mode, what := fi.Mode(), "it"
	if at != path {
		what = at
	}
	switch uid := owner(fi); {
	case uid != t.uid && uid != 0 && (uid != t.unmapped || mode.Perm()&0o022 != 0 && mode&fs.ModeSticky == 0):
		return refused(path, "%s belongs to uid %d (mode %04o), who could replace it: name a directory that is below none of another user", what, uid, mode.Perm())
	case mode&fs.ModeSymlink != 0 || mode&fs.ModeSticky != 0:
		return nil
	case !mode.IsDir():
		return refused(path, "%s is not a directory: name another", what)
	case mode.Perm()&0o002 != 0, mode.Perm()&0o020 != 0 && !t.private(group(fi)):
		return refused(path, "others can write to %s (owner uid %d, gid %d, mode %04o): chmod go-w %s", what, uid, group(fi), mode.Perm(), at)
	}
	return nil
}
