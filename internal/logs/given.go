package logs

import (
	"errors"
	"os"
	"syscall"
	"time"
)

// A logInfo is what the file system tells of a log.
type logInfo struct {
	size  int64 // with the hole
	disk  int64 // what it takes up
	block int64 // the unit of discarding
	last  time.Time
	id    fileID
	alone bool // a regular file with one name
}

// fileID is a file, by whatever name; zero: none.
type fileID struct{ dev, ino uint64 }

func idOf(f *os.File) fileID {
	info, err := f.Stat()
	if err != nil {
		return fileID{}
	}
	st, ok := info.Sys().(*syscall.Stat_t)
	if !ok {
		return fileID{}
	}
	return fileID{uint64(st.Dev), uint64(st.Ino)}
}

// errOther says that another file is in the place of a log: it must not be changed.
var errOther = errors.New("another file is in its place")

// given reports whether it is the file that the run was given. Of a run that was taken back
// that is not known: one that has another name, too, may be anybody's. The caller holds
// the mutex.
func (l *kept) given(info logInfo) bool {
	if l.id == (fileID{}) {
		return info.alone
	}
	return l.id == info.id
}

// counts reports whether the total bounds the file: to delete one that has another name
// would save no space.
func (k *Keeper) counts(key key, info logInfo) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	if l := k.logs[key]; l != nil {
		return l.given(info)
	}
	return info.alone
}

// rememberFile is given, and remembers the file.
func (k *Keeper) rememberFile(l *kept, info logInfo) bool {
	k.mu.Lock()
	defer k.mu.Unlock()
	given := l.given(info)
	if given {
		l.id = info.id
	}
	return given
}

// noteOther says, once, that a file is left as it is.
func (k *Keeper) noteOther(l *kept) {
	if l.emptied {
		return
	}
	l.emptied = true
	k.mu.Lock()
	known := l.id != (fileID{})
	k.mu.Unlock()
	if !known {
		k.log.Warn("the log of a run that was taken back has a second name: it is left as it is", "task", l.name, "run", l.run)
		return
	}
	k.log.Warn("a log was replaced while its run wrote to it: the file in its place is left as it is", "task", l.name, "run", l.run)
	k.tellOf(l, false)
}
