package socket

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"tasks/internal/safeopen"
)

// A Lock makes its holder the one supervisor of a state directory. The system
// frees it when the holder dies, however that comes. The file stays: to remove
// it would let two processes lock two files of one name.
type Lock struct {
	dir string // the state directory

	mu       sync.Mutex
	file     *os.File
	unnoted  error     // see Unnoted
	reapers  []process // see MayReap
	anyReaps bool      // not all of them are known
}

// AcquireLock takes the lock of stateDir, which must exist, without waiting for
// a holder: that is a [*HeldError]. Nor is the lock of a copy of a directory whose
// supervisor lives available: the tasks are the same. The lock then says nothing of its
// holder until [Lock.Record].
func AcquireLock(stateDir string) (*Lock, error) {
	const pause, tries = time.Millisecond, 1000
	var copied error
	for range tries {
		file, err := openLock(stateDir, os.O_RDWR|os.O_CREATE)
		if err != nil {
			return nil, err
		}
		err = flock(file, syscall.LOCK_EX)
		switch {
		case err == nil && named(file):
			h, err := holderOf(file, stateDir, false)
			if err == nil && h.Elsewhere != nil {
				err = h.Elsewhere
			}
			var lives bool
			if err == nil {
				lives, err = h.holder.lives()
			}
			if err != nil {
				unlock(file)
				return nil, err
			}
			if lives {
				// Or it is just ending, and the system has released its lock already.
				copied = fmt.Errorf("the state directory %s is a copy of the one of the supervisor with pid %d on socket %s, and would take its tasks away: "+
					"end that one first with 'tasks exit', or set TASKS_STATE_DIR to another directory", stateDir, h.PID, h.Socket)
				unlock(file)
				time.Sleep(pause)
				continue
			}
			l := &Lock{dir: stateDir, file: file}
			if err := l.clear(); err != nil {
				return nil, errors.Join(fmt.Errorf("cannot clear lock: %w", err), l.Release())
			}
			return l, nil
		case err == nil: // removed by somebody between open and flock: lock the one that is there now
		case !errors.Is(err, syscall.EWOULDBLOCK):
			file.Close()
			return nil, fmt.Errorf("cannot lock %s: %w", file.Name(), err)
		case errors.Is(flock(file, syscall.LOCK_SH), syscall.EWOULDBLOCK):
			h, err := holderOf(file, stateDir, true)
			file.Close()
			switch {
			case err != nil:
				return nil, err
			case h.Elsewhere != nil:
				return nil, h.Elsewhere
			}
			return nil, &HeldError{Dir: stateDir, PID: h.PID, Socket: h.Socket}
		default: // only readers are in the way, each for an instant
			time.Sleep(pause)
		}
		unlock(file)
	}
	if copied != nil {
		return nil, copied
	}
	return nil, &HeldError{Dir: stateDir}
}

// room is how long what a holder records may be.
const room = int64(MaxPath + 32)

// Check reports that clients, and other supervisors, no longer find this lock: it
// or the whole state directory was removed or replaced, and what is written to
// files there is lost, or is another supervisor's.
func (l *Lock) Check() error {
	path := lockPath(l.dir)
	err := safeopen.InPlace(l.File(), path, "the lock "+path)
	if err == nil {
		return nil
	}
	if _, e := os.Stat(l.dir); errors.Is(e, fs.ErrNotExist) {
		return safeopen.InPlace(l.File(), path, "the state directory "+l.dir)
	}
	if h, e := ReadLock(l.dir); e == nil && h.Held && h.PID != 0 {
		return fmt.Errorf("the state directory %s was replaced, and is in use by the supervisor with pid %d on socket %s: end one of the two with 'tasks exit'", l.dir, h.PID, h.Socket)
	}
	return err
}

// Retake takes the lock that is found now, and makes the state directory, where
// Check reports that this one is lost.
func (l *Lock) Retake(socket string) error {
	if l.Check() == nil {
		return nil
	}
	if err := MakeDir(l.dir); err != nil {
		return err
	}
	now, err := AcquireLock(l.dir)
	if err != nil {
		return err
	}
	if err := now.Record(socket); err != nil {
		return errors.Join(err, now.Release())
	}
	l.mu.Lock()
	old := l.file
	l.file = now.file
	l.mu.Unlock()
	return unlock(old)
}

// clear removes what a dead holder left, and repairs the mode.
func (l *Lock) clear() error {
	if err := l.File().Chmod(0o600); err != nil {
		return err
	}
	return l.blank()
}

// blank writes over what the lock says. It does not cut it off: a full disk
// may not give back the block that would free.
func (l *Lock) blank() error {
	file := l.File()
	info, err := file.Stat()
	if err != nil {
		return err
	}
	_, err = file.WriteAt(make([]byte, min(info.Size(), room)), 0)
	return err
}

// Record writes this process and its socket into the lock, for whoever finds it held and
// for [Paths.Fallback]. It may be called again.
func (l *Lock) Record(socket string) error {
	unnoted := writeHolder(l.dir, socket, l.findReapers())
	l.mu.Lock()
	l.unnoted = unnoted
	l.mu.Unlock()
	// Never a mix of old and new: in between, a reader finds nothing.
	line := fmt.Appendf(nil, "%d %s\n", os.Getpid(), socket)
	err := l.blank()
	if err == nil {
		err = l.File().Truncate(int64(len(line)))
	}
	if err == nil {
		_, err = l.File().WriteAt(line, 0)
	}
	if err != nil {
		return fmt.Errorf("cannot record the socket: %w", err)
	}
	return nil
}

// Clear takes out what Record has written, as the last act of a supervisor that
// leaves nothing running: no other host need fear that it lives on. The lock stays
// held.
func (l *Lock) Clear() error {
	if err := l.blank(); err != nil {
		return fmt.Errorf("cannot clear lock: %w", err)
	}
	return nil
}

// File is the lock's, for a program that is executed in place of this one and keeps holding
// it.
func (l *Lock) File() *os.File {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.file
}

// InheritLock is the lock of stateDir whose File was passed on.
func InheritLock(file *os.File, stateDir string) *Lock { return &Lock{dir: stateDir, file: file} }

// Release empties the lock and frees it. Call it once.
func (l *Lock) Release() error {
	file := l.File()
	if err := errors.Join(file.Truncate(0), unlock(file)); err != nil {
		return fmt.Errorf("cannot release lock: %w", err)
	}
	return nil
}

// A Holder is what a lock says.
type Holder struct {
	PID    int    // of the supervisor; 0: it has not recorded itself, or has ended in order
	Socket string // of that supervisor
	Held   bool   // a living process holds the lock; else PID is of one that died

	// Elsewhere is not nil where the holder is, or may be, on another host or in
	// another container, so that nobody here can reach it.
	Elsewhere *HeldError

	holder holder
}

// ReadLock tells what the lock of stateDir says. It succeeds without any lock; another
// user's lock is an error.
func ReadLock(stateDir string) (Holder, error) {
	file, err := openLock(stateDir, os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return Holder{}, nil
	}
	if err != nil {
		return Holder{}, err
	}
	defer unlock(file)
	err = flock(file, syscall.LOCK_SH)
	held := errors.Is(err, syscall.EWOULDBLOCK)
	if err != nil && !held {
		return Holder{}, fmt.Errorf("cannot test lock %s: %w", file.Name(), err)
	}
	flock(file, syscall.LOCK_UN) // at once: who wants it must not find readers only
	return holderOf(file, stateDir, held)
}

// holderOf is what file, the lock of stateDir, says.
func holderOf(file *os.File, stateDir string, held bool) (Holder, error) {
	pid, socket, err := content(file)
	if err != nil {
		return Holder{}, err
	}
	h := Holder{PID: pid, Socket: socket, Held: held}
	if h.holder, err = readHolder(stateDir, pid, socket); err != nil {
		return Holder{}, err
	}
	if h.holder.Boot != "" {
		h.Elsewhere = h.holder.away(stateDir, thisHost(), held, isShared(file))
	}
	return h, nil
}

func lockPath(stateDir string) string { return filepath.Join(stateDir, "lock") }

// openLock opens the lock of a supervisor of this user.
func openLock(stateDir string, flags int) (*os.File, error) {
	return openOwnLock(lockPath(stateDir), flags)
}

func openOwnLock(path string, flags int) (*os.File, error) {
	file, err := openAnyLock(path, flags)
	if err != nil {
		return nil, err
	}
	if fi, err := file.Stat(); err != nil || owner(fi) != os.Geteuid() {
		file.Close()
		if err == nil {
			err = fmt.Errorf("it belongs to uid %d", owner(fi))
		}
		return nil, fmt.Errorf("cannot use lock %s: %w", file.Name(), err)
	}
	return file, nil
}

func openAnyLock(path string, flags int) (*os.File, error) {
	// O_NONBLOCK: nothing that somebody put there may hold us up.
	flags |= syscall.O_NOFOLLOW | syscall.O_NONBLOCK | syscall.O_CLOEXEC
	file, err := os.OpenFile(path, flags, 0o600)
	if errors.Is(err, fs.ErrPermission) && safeopen.RestoreMode(path) == nil { // who makes it may have such a umask
		file, err = os.OpenFile(path, flags, 0o600)
	}
	switch {
	case errors.Is(err, syscall.ELOOP):
		return nil, fmt.Errorf("cannot open lock %s: it is a symbolic link: remove it", path)
	case err != nil:
		return nil, fmt.Errorf("cannot open lock %s: %w", path, cause(err))
	}
	fi, err := file.Stat()
	if err == nil && fi.Mode().IsRegular() {
		return file, nil
	}
	if file.Close(); err == nil {
		err = errors.New("it is not a regular file: remove it")
	}
	return nil, fmt.Errorf("cannot use lock %s: %w", path, err)
}

// flock takes the lock of the kind how, never waiting for it.
func flock(file *os.File, how int) error {
	for {
		err := syscall.Flock(int(file.Fd()), how|syscall.LOCK_NB)
		if !errors.Is(err, syscall.EINTR) {
			return err
		}
	}
}

// unlock frees the lock by itself before it closes file: a child between fork
// and exec still has the descriptor, and closing ours alone would leave it locked.
func unlock(file *os.File) error {
	return errors.Join(flock(file, syscall.LOCK_UN), file.Close())
}

// named reports whether file is still the one that its name leads to.
func named(file *os.File) bool {
	opened, err1 := file.Stat()
	there, err2 := os.Lstat(file.Name())
	return err1 == nil && err2 == nil && os.SameFile(opened, there)
}

// content is what the holder recorded, zero where nothing or half of it is there.
func content(file *os.File) (pid int, socket string, err error) {
	data, err := io.ReadAll(io.NewSectionReader(file, 0, room))
	if err != nil {
		return 0, "", fmt.Errorf("cannot read lock: %w", err)
	}
	line, whole := strings.CutSuffix(string(data), "\n")
	number, socket, _ := strings.Cut(line, " ")
	pid, err = strconv.Atoi(number)
	if !whole || err != nil || pid <= 0 || !filepath.IsAbs(socket) || strings.ContainsRune(socket, 0) {
		return 0, "", nil
	}
	return pid, socket, nil
}

// AwaitRelease returns when the process pid, by its own pid namespace, no longer holds the lock
// of stateDir, or ctx has ended. It may be the lock of another user, whose supervisor root ends.
func AwaitRelease(ctx context.Context, stateDir string, pid int) error {
	file, err := openAnyLock(lockPath(stateDir), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer unlock(file)
	for {
		if err := flock(file, syscall.LOCK_SH); !errors.Is(err, syscall.EWOULDBLOCK) {
			return err
		}
		if now, _, err := content(file); err == nil && now != 0 && now != pid {
			return nil // the next supervisor has it, for as long as that lives
		}
		select {
		case <-time.After(2 * time.Millisecond):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
	}
}

// LockedBy is the process that holds the lock of stateDir, for people; "" if unknown.
func LockedBy(stateDir string) string {
	file, err := openLock(stateDir, os.O_RDONLY)
	if err != nil {
		return ""
	}
	defer file.Close()
	return safeopen.LockedBy(file)
}

// Nudge has the supervisor that holds the lock of stateDir look after its
// socket, if that is the one at path: it binds a lost one again. It tells
// whether there is such a supervisor. One that is not known to be the holder is not
// signalled.
func Nudge(stateDir, path string) bool {
	h, err := ReadLock(stateDir)
	return err == nil && h.Held && h.Elsewhere == nil && h.Socket == path && h.holder.nudge()
}
