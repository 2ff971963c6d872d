package socket

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strconv"
	"strings"
	"syscall"

	"golang.org/x/sys/unix"
)

// thisHost is where this process runs.
func thisHost() host {
	h := host{Boot: firstLine("/proc/sys/kernel/random/boot_id")}
	var st syscall.Stat_t
	if syscall.Stat("/proc/self/ns/pid", &st) == nil {
		h.PIDNamespace = st.Ino
	}
	if id := firstLine("/etc/machine-id"); id != "" {
		sum := sha256.Sum256([]byte("tasks " + id))
		h.Machine = hex.EncodeToString(sum[:8])
	}
	h.Name, _ = os.Hostname()
	return h
}

func firstLine(path string) string {
	b, _ := os.ReadFile(path)
	line, _, _ := strings.Cut(string(b), "\n")
	return line
}

// startTime is when the process began, in clock ticks after boot, proc_pid_stat(5)
// field 22; 0 where there is no such process.
func startTime(pid int) uint64 {
	start, _, _ := stat(pid)
	return start
}

// stat is the startTime of the process, and whether it has not ended: one that was
// not waited for has.
func stat(pid int) (start uint64, alive bool, err error) {
	fields, err := statFields(pid)
	if fields == nil {
		return 0, false, err
	}
	start, _ = strconv.ParseUint(string(fields[19]), 10, 64)
	return start, fields[0][0] != 'Z' && fields[0][0] != 'X', nil
}

// statFields are those of the process's stat from the third on; nil where there is none.
func statFields(pid int) ([][]byte, error) {
	b, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if errors.Is(err, fs.ErrNotExist) || errors.Is(err, syscall.ESRCH) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	fields := bytes.Fields(b[bytes.LastIndexByte(b, ')')+1:]) // the second may have anything in it
	if len(fields) < 20 {
		return nil, nil
	}
	return fields, nil
}

// ancestors are those of this process, its parent first; nil where they cannot be seen, as
// with hidepid, proc(5).
func ancestors() []process {
	for range 10 { // one of them may end meanwhile
		var all []process
		pid := os.Getppid()
		for pid > 0 {
			fields, _ := statFields(pid)
			if fields == nil {
				break
			}
			start, _ := strconv.ParseUint(string(fields[19]), 10, 64)
			all = append(all, process{pid, start})
			pid, _ = strconv.Atoi(string(fields[1]))
		}
		if pid == 0 {
			return all
		}
	}
	return nil
}

// visible reports whether this process could see h's under its pid.
func (h holder) visible() bool {
	me := thisHost()
	return h.Boot != "" && h.PIDNamespace != 0 && h.Start != 0 && h.Boot == me.Boot && h.PIDNamespace == me.PIDNamespace
}

// lives tells that h, another process than this one, has not ended.
func (h holder) lives() (bool, error) {
	if !h.visible() || h.PID == os.Getpid() {
		return false, nil
	}
	start, alive, err := stat(h.PID)
	if err != nil {
		return false, fmt.Errorf("cannot tell whether the supervisor with pid %d lives: %w", h.PID, err)
	}
	return alive && start == h.Start, nil
}

// nudge sends SIGUSR1 to the supervisor h, if this process sees it under its pid.
func (h holder) nudge() bool {
	if !h.visible() {
		return false
	}
	fd, err := unix.PidfdOpen(h.PID, 0)
	if err != nil {
		return false
	}
	defer unix.Close(fd)
	// The descriptor stands for one process, whoever has the pid next.
	return startTime(h.PID) == h.Start && unix.PidfdSendSignal(fd, unix.SIGUSR1, nil, 0) == nil
}

// sharedFS are the file systems, statfs(2), that other kernels may have mounted
// too, and whose locks this one need not know.
var sharedFS = map[uint32]bool{
	0x6969:     true, // NFS
	0x517b:     true, // SMB
	0xfe534d42: true, // SMB2
	0xff534d42: true, // CIFS
	0x65735546: true, // FUSE: sshfs, virtiofs and others
	0x01021997: true, // 9p
	0x00c36400: true, // Ceph
	0x0bd00bd0: true, // Lustre
	0x5346414f: true, // AFS
	0x73757245: true, // Coda
	0x47504653: true, // GPFS
	0x19830326: true, // BeeGFS
	0x01161970: true, // GFS2
	0x7461636f: true, // OCFS2
}

func isShared(f *os.File) bool {
	var st unix.Statfs_t
	return unix.Fstatfs(int(f.Fd()), &st) == nil && sharedFS[uint32(st.Type)]
}
