package socket

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"tasks/internal/safeopen"
)

// A host is where a process runs: its pid means something in one pid namespace
// of one kernel alone. The zero value is not known.
type host struct {
	Boot         string `json:"boot,omitempty"`          // of the kernel
	PIDNamespace uint64 `json:"pid_namespace,omitempty"` // inode of /proc/self/ns/pid
	Machine      string `json:"machine,omitempty"`       // from /etc/machine-id, which itself is nobody's business
	Name         string `json:"host,omitempty"`
}

// A holder is what a supervisor says of itself in the file of that name beside the
// lock. It holds for a lock with the same pid and socket; a lock of an earlier
// version has none.
type holder struct {
	PID    int    `json:"pid"`
	Socket string `json:"socket"`
	Start  uint64 `json:"start,omitempty"` // clock ticks after boot
	host
	Reapers []process `json:"reapers,omitempty"` // see Lock.MayReap
}

func holderPath(stateDir string) string { return filepath.Join(stateDir, "holder") }

// writeHolder notes who has the lock of stateDir. If the disk is full the file is another
// process's or missing: then nobody is signalled.
func writeHolder(stateDir, socket string, reapers []process) error {
	b, err := json.Marshal(holder{PID: os.Getpid(), Socket: socket, Start: startTime(os.Getpid()), host: thisHost(), Reapers: reapers})
	if err != nil {
		return err
	}
	path := holderPath(stateDir)
	f, err := safeopen.OpenOwn(path+".new", os.O_WRONLY|os.O_CREATE|os.O_TRUNC)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = f.Write(append(b, '\n'))
	if err == nil {
		err = os.Rename(f.Name(), path)
	}
	if err != nil {
		os.Remove(f.Name())
	}
	return err
}

// Unnoted is why Record could not write down this process and host, as on a full disk:
// until then a copy of the state directory, and another host that shares it, do not know
// that this supervisor lives.
func (l *Lock) Unnoted() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.unnoted
}

// readHolder is the holder of the lock of stateDir that has pid and socket, or
// zero where nobody has written that down. A file that cannot be read may be a
// supervisor's that must not be disturbed.
func readHolder(stateDir string, pid int, socket string) (holder, error) {
	f, err := safeopen.OpenPrivate(holderPath(stateDir), os.O_RDONLY)
	if errors.Is(err, fs.ErrNotExist) {
		return holder{}, nil
	}
	if err != nil {
		return holder{}, fmt.Errorf("cannot tell who has the lock: %w: remove that file if no supervisor has it", err)
	}
	defer f.Close()
	var h holder
	if json.NewDecoder(f).Decode(&h) != nil || pid == 0 || h.PID != pid || h.Socket != socket {
		return holder{}, nil
	}
	return h, nil
}

// elsewhere tells that h is, or may be, of another host than me. Whether the lock is
// held is what the kernel says; of a file that other hosts reach, shared, it may not
// know.
func (h host) elsewhere(me host, held, shared bool) bool {
	switch {
	case h.Boot == "" || me.Boot == "" || h.Boot == me.Boot:
		return false
	case held:
		return true // what another boot of this host held is free by now
	}
	return shared && (h.Machine != me.Machine || h.Name != me.Name)
}

// away is not nil where h is, or may be, a supervisor that cannot be reached by me:
// on another host, or in another container of this one.
func (h holder) away(dir string, me host, held, shared bool) *HeldError {
	e := &HeldError{Dir: dir, PID: h.PID, Socket: h.Socket}
	switch {
	case h.elsewhere(me, held, shared):
		e.Host, e.Unsure = cmp.Or(h.Name, "unknown"), !held
	case held && h.Boot != "" && h.PIDNamespace != me.PIDNamespace:
		e.Container = true
	default:
		return nil
	}
	return e
}

// HeldError tells that another process holds the lock of a state directory, or may
// hold it.
type HeldError struct {
	Dir       string // the state directory
	PID       int    // 0 as long as the holder has not recorded itself
	Socket    string // "" as long as the holder has not recorded itself
	Host      string // the holder's, if that is another than this one
	Unsure    bool   // it may have died: the host's own kernel alone knows
	Container bool   // the holder is in another pid namespace of this host
}

func (e *HeldError) Error() string {
	switch {
	case e.Unsure:
		return fmt.Sprintf("the state directory %s was last used on host %s, by the supervisor with pid %d, which has not ended in order: "+
			"set TASKS_STATE_DIR to another directory here, or remove %s if that supervisor is gone", e.Dir, e.Host, e.PID, lockPath(e.Dir))
	case e.Host != "":
		return fmt.Sprintf("the state directory %s is in use on host %s, by the supervisor with pid %d: set TASKS_STATE_DIR to another directory here", e.Dir, e.Host, e.PID)
	case e.Container:
		return fmt.Sprintf("the state directory %s is in use in another container, by the supervisor with pid %d there on socket %s: set TASKS_STATE_DIR to another directory here", e.Dir, e.PID, e.Socket)
	case e.PID == 0:
		if by := LockedBy(e.Dir); by != "" {
			return fmt.Sprintf("%s holds the lock of the state directory %s: end it, or try again once it serves or has ended", by, e.Dir)
		}
		return fmt.Sprintf("the state directory %s is in use by another supervisor that is just starting or ending", e.Dir)
	}
	return fmt.Sprintf("the state directory %s is in use by the supervisor with pid %d on socket %s", e.Dir, e.PID, e.Socket)
}
