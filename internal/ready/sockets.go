package ready

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"syscall"

	"golang.org/x/sys/unix"

	"tasks/internal/safeopen"
)

// sockets is the directory of the sockets of runs, which only this user can
// enter: in a public place, such as the abstract namespace of unix(7), another
// could bind a name first. A path stays the same for the next supervisor.
//
// Where the path is too long for a socket, it is a symbolic link to a directory
// of a random name in /tmp.
type sockets struct {
	mu   sync.Mutex
	path string
}

// maxPath is the longest name of a socket that every program can send to, and
// maxFile what of that its file needs, in bytes.
const maxPath, maxFile = 107, len("/") + 2*hashed

// hashed is how many bytes of a hash stand for a name that is too long.
const hashed = 12

// socketPath is the socket of a run in dir.
func socketPath(dir, name string, run int) string {
	file := fmt.Sprintf("%s.%d", name, run)
	if path := filepath.Join(dir, file); len(path) <= maxPath {
		return path
	}
	sum := sha256.Sum256([]byte(file))
	return filepath.Join(dir, hex.EncodeToString(sum[:hashed]))
}

// SocketBeside is the path that the socket of the run has if it is in the same directory as
// the file at path.
func SocketBeside(path, name string, run int) string {
	return socketPath(filepath.Dir(path), name, run)
}

// open finds or makes the directory: cleaners remove what is old in /tmp, and users what
// they do not know.
func (s *sockets) open() (string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.path == "" {
		return "", errors.New("there is no directory for its socket")
	}
	dir, err := s.path, error(nil)
	if len(s.path)+maxFile <= maxPath {
		if err = os.Mkdir(s.path, 0o700); errors.Is(err, fs.ErrExist) {
			err = nil
		}
	} else {
		dir, err = s.shorter()
	}
	if err == nil {
		err = private(dir)
	}
	if err == nil {
		err = os.Chmod(dir, 0o700) // the umask may have taken it from its owner as well
	}
	if err != nil {
		return "", err
	}
	return dir, nil
}

// shorter is the directory that the link leads to.
func (s *sockets) shorter() (string, error) {
	if dir, err := os.Readlink(s.path); err == nil && private(dir) == nil {
		return dir, nil
	}
	dir, err := os.MkdirTemp("/tmp", "tasks-")
	if err != nil {
		return "", err
	}
	os.Remove(s.path) // a link to one that is gone
	if err := os.Symlink(dir, s.path); err != nil {
		os.Remove(dir)
		return "", err
	}
	return dir, nil
}

// private tells why others may be in dir.
func private(dir string) error {
	fi, err := os.Lstat(dir)
	if err != nil {
		return err
	}
	return alone(dir, fi)
}

// alone tells why others may be in what fi describes, which is at path.
func alone(path string, fi fs.FileInfo) error {
	if uid := int(fi.Sys().(*syscall.Stat_t).Uid); !fi.IsDir() || uid != os.Geteuid() || fi.Mode().Perm()&0o077 != 0 {
		return fmt.Errorf("%s (%s, uid %d) is not a directory of this user alone: remove it", path, fi.Mode(), uid)
	}
	return nil
}

// removeStale removes what a supervisor that was killed has left, where open would
// look for it. Whatever may be another's is left as it is: after the machine was started
// again, anybody may have taken a name in /tmp, for a link to a directory of ours.
func (s *sockets) removeStale() {
	path := s.path
	if to, err := os.Readlink(path); err == nil {
		path = to
	}
	dir, err := safeopen.Dir(path)
	if err != nil {
		return
	}
	defer dir.Close()
	opened, openedErr := dir.Stat()
	there, err := os.Lstat(path)
	if openedErr != nil || err != nil || alone(path, there) != nil || !os.SameFile(opened, there) {
		return
	}
	entries, _ := dir.ReadDir(-1)
	for _, e := range entries {
		if e.Type() == fs.ModeSocket {
			_ = unix.Unlinkat(int(dir.Fd()), e.Name(), 0) // in this directory, whatever has its name by now
		}
	}
}

// remove removes the directory, unless a run has a socket there.
func (s *sockets) remove() {
	s.mu.Lock()
	defer s.mu.Unlock()
	dir, err := os.Readlink(s.path)
	if err != nil {
		os.Remove(s.path)
	} else if private(dir) == nil && os.Remove(dir) == nil {
		os.Remove(s.path)
	}
}
