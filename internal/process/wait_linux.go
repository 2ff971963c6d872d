package process

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sys/unix"
)

// farAway are the file systems that ask another machine, or a program, for what is in a
// file: those may not answer.
var farAway = []int64{
	unix.NFS_SUPER_MAGIC, unix.SMB_SUPER_MAGIC, unix.SMB2_SUPER_MAGIC, unix.CIFS_SUPER_MAGIC, unix.FUSE_SUPER_MAGIC, unix.V9FS_MAGIC,
	unix.CEPH_SUPER_MAGIC, unix.AFS_SUPER_MAGIC, unix.AFS_FS_MAGIC, unix.CODA_SUPER_MAGIC, unix.OCFS2_SUPER_MAGIC, unix.AUTOFS_SUPER_MAGIC,
	0x01161970, // GFS2
	0x0bd00bd0, // Lustre
}

// mayWait reports whether the exec of c, or the chdir before it, may wait for another
// machine or user. A fork waits for it with this whole program.
func (c *command) mayWait() bool {
	path := c.path
	if !filepath.IsAbs(path) {
		path = filepath.Join(c.dir, path)
	}
	const interpreters = 5 // of scripts, execve(2)
	for range interpreters + 1 {
		next, waits := programWaits(path)
		switch {
		case waits:
			return true
		case next == "":
			return c.farDir
		}
		path = next
	}
	return true
}

// programWaits is mayWait of one program; next is the interpreter if it is a script.
func programWaits(path string) (next string, waits bool) {
	fd, err := open(path, unix.O_RDONLY|unix.O_NONBLOCK|unix.O_NOCTTY)
	if err != nil {
		// Somebody has a lease on it, fcntl(2), or it may not be read. Else the exec fails, too.
		return "", errors.Is(err, unix.EAGAIN) || errors.Is(err, unix.EACCES)
	}
	defer closeFD(fd) // at once: a start has few descriptors
	if !ours(fd, path) || isFar(fd, path) {
		return "", true
	}
	return interpreter(fd, path), false
}

// ours reports whether the open file is this user's or root's: no other may have a lease on
// it, or say what else it takes to execute it.
func ours(fd int, path string) bool {
	var st unix.Statx_t
	if statx(fd, "", unix.AT_EMPTY_PATH, unix.STATX_UID|unix.STATX_TYPE, &st) != nil {
		return false
	}
	return st.Mode&unix.S_IFMT == unix.S_IFREG && (st.Uid == 0 || st.Uid == uint32(os.Geteuid()))
}

func isFar(fd int, path string) bool {
	kind, err := fileSystem(fd, path)
	return err != nil || slices.Contains(farAway, kind)
}

func dirIsFar(dir string) bool {
	fd, err := open(dir, unix.O_PATH|unix.O_DIRECTORY)
	if err != nil {
		return false // the chdir fails, too
	}
	defer closeFD(fd)
	return isFar(fd, dir)
}

// interpreter is the path of what the kernel executes for a script; "" where it is none.
func interpreter(fd int, path string) string {
	line := make([]byte, 256)
	n, err := read(fd, path, line)
	text, ok := bytes.CutPrefix(line[:n], []byte("#!"))
	if !ok || err != nil {
		return ""
	}
	text, _, _ = bytes.Cut(text, []byte("\n"))
	if words := bytes.Fields(text); len(words) > 0 {
		return string(words[0])
	}
	return ""
}
