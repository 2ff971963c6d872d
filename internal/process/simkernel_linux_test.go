package process

import (
	"cmp"
	"encoding/binary"
	"fmt"
	"hash/fnv"
	"io"
	"io/fs"
	"maps"
	"os"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// What the engine sees of a machine: the answers to its system calls.

// simFile is what a descriptor of the supervisor refers to.
type simFile struct {
	path  string
	p     *simProc
	group *simGroup
	what  string
	read  bool // to its end
}

const (
	mountPoint = "/sys/fs/cgroup"
	ownGroup   = "own"
	program    = "/bin/program" // of all runs
	logMode    = unix.S_IFREG | 0o600
)

// simInfo is what stat(2) tells.
type simInfo struct {
	name string
	mode fs.FileMode
}

func (i simInfo) Name() string       { return i.name }
func (i simInfo) Size() int64        { return 0 }
func (i simInfo) Mode() fs.FileMode  { return i.mode }
func (i simInfo) ModTime() time.Time { return time.Time{} }
func (i simInfo) IsDir() bool        { return i.mode.IsDir() }
func (i simInfo) Sys() any           { return &syscall.Stat_t{Uid: uint32(os.Geteuid())} }

// call answers a system call of the engine. It takes a while, in which other goroutines
// and the processes keep running, unless a lock is held: then only the processes do.
func (m *machine) call(c call) (result, bool) {
	m.mu.Lock()
	draw := m.draw(c)
	took := 200 * time.Nanosecond
	if c.name == "nanosleep" {
		took = time.Duration(c.arg)
	} else if draw%8 == 0 {
		took = time.Duration(draw >> 8 % 30_000)
	}
	free := m.free()
	if !free && !m.held {
		m.catchUp()
		m.now += took
	}
	m.mu.Unlock()
	if free && took > 200*time.Nanosecond {
		time.Sleep(took)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	m.catchUp()
	if m.life.dead {
		return m.afterDeath(c), true
	}
	if m.left == 0 && !m.after {
		m.die()
		return m.afterDeath(c), true
	}
	var a result
	if m.before != nil {
		a.err = m.before(c)
	}
	a.err = cmp.Or(a.err, m.failure(c, draw))
	if a.err == nil {
		if c.name == "epoll_wait" {
			return m.await(c), true
		}
		if m.awaitMemory(c); m.life.dead {
			return m.afterDeath(c), true
		}
		a = m.answer(c)
	}
	if m.left == 0 {
		m.die()
		return m.afterDeath(c), true
	}
	if m.left > 0 {
		m.left--
	}
	if m.trace {
		m.say("    %s %s pid %d fd %d: %v %d %.60q", c.name, c.path, c.pid, c.fd, a.err, a.n, a.text)
	}
	m.catchUp()
	return a, true
}

// draw is what decides on a call: it depends on how often the same was made before, and
// on no other.
func (m *machine) draw(c call) uint64 {
	key := callKey{c.name, c.path, c.pid, c.sig}
	m.calls[key]++
	h := fnv.New64a()
	io.WriteString(h, c.name)
	io.WriteString(h, c.path)
	var numbers [32]byte
	for i, n := range []uint64{m.seed, uint64(c.pid), uint64(c.sig), m.calls[key]} {
		binary.NativeEndian.PutUint64(numbers[8*i:], n)
	}
	h.Write(numbers[:])
	return h.Sum64()
}

type callKey struct {
	name, path string
	pid        int
	sig        syscall.Signal
}

// free reports whether no lock is held. Nobody may sleep in a bubble with one: a goroutine
// that waits for it would stop the bubble's time.
func (m *machine) free() bool {
	e := m.life.engine
	if e == nil {
		return true
	}
	free := true
	for _, l := range []interface {
		TryLock() bool
		Unlock()
	}{&e.mu, &e.lefts.turn, &e.members.turn, &e.descents.turn, &e.tree.now.mu, &spare.mu} {
		if !l.TryLock() {
			free = false
		} else {
			l.Unlock()
		}
	}
	return free
}

// fault is why a call fails that is well asked for.
func (m *machine) failure(c call, draw uint64) error {
	if m.kind.faults == 0 || m.faulty < m.now || certain[c.name] || c.path == "boot" || draw>>16%uint64(m.kind.faults) != 0 {
		return nil
	}
	errno := errnos[draw>>32%uint64(len(errnos))]
	if errno == unix.EPERM && ofAProcess.MatchString(c.path) {
		return nil // that says that the process is another user's
	}
	if c.name == "statx" && c.path != "" {
		errno = unix.ENOMEM // all others are of a file system that has failed: it is no log's
	}
	m.hits["fault"]++
	m.say("  %s %s %d fails: %v", c.name, c.path, c.pid, errno)
	return errno
}

// afterDeath is what a goroutine of a supervisor that is dead gets, so that it ends soon.
func (m *machine) afterDeath(c call) result {
	switch c.name {
	case "open":
		if c.path == "/proc" {
			return result{n: 1 << 20}
		}
		return result{err: unix.ENOENT}
	case "stat", "lstat", "statx", "mkdir", "rmdir", "chmod", "write", "readlink":
		return result{err: unix.ENOENT}
	case "pidfd_open", "pidfd_send_signal", "kill":
		return result{err: unix.ESRCH}
	case "wait4", "waitid":
		return result{err: unix.ECHILD}
	case "execve":
		return result{err: unix.EAGAIN}
	case "poll":
		return result{n: 1}
	case "clock_gettime":
		return result{time: m.now}
	}
	return result{}
}

// die ends the supervisor.
func (m *machine) die() {
	m.say("the supervisor dies")
	m.hits["death"]++
	l := m.life
	l.dead = true
	m.end(l.self, syscall.WaitStatus(syscall.SIGKILL))
	m.reap(l.self)
	l.fds = nil
	for _, p := range m.procs {
		p.noted = false
	}
	m.hold(true)
	close(l.died)
}

func (m *machine) childEnded() {
	e := m.life.engine
	if e == nil {
		return
	}
	select {
	case e.chld <- syscall.SIGCHLD:
	default:
	}
}

// await waits for a process of a pidfd. The caller holds the mutex.
func (m *machine) await(c call) result {
	l, p := m.life, m.fds[c.fd].p
	m.mu.Unlock()
	defer m.mu.Lock()
	var end <-chan time.Time
	if !c.end.IsZero() {
		end = time.After(time.Until(c.end))
	}
	select {
	case <-p.ended:
	case <-l.died:
	case <-end:
		return result{err: os.ErrDeadlineExceeded}
	}
	return result{}
}

// awaitMemory waits where the call reads the memory of a process that has locked it, unless
// somebody holds a lock, see free. The caller holds the mutex.
func (m *machine) awaitMemory(c call) {
	f := m.fds[c.fd]
	if c.name != "read" || f == nil || f.p == nil || f.p.locked == nil || !m.free() || f.ofThread() != "environ" && f.ofThread() != "cmdline" {
		return
	}
	m.hits["hung read"]++
	l, unlocked := m.life, f.p.locked
	m.mu.Unlock()
	defer m.mu.Lock()
	select {
	case <-unlocked:
	case <-f.p.ended:
	case <-l.died:
	}
}

func (m *machine) open(f *simFile) result {
	fd := 3
	for ; m.fds[fd] != nil; fd++ {
	}
	if len(m.fds) >= m.limit {
		m.hits["no descriptor"]++
		return result{err: unix.EMFILE}
	}
	m.fds[fd] = f
	return result{n: fd}
}

func failed(errno syscall.Errno) result { return result{err: errno} }

func (m *machine) answer(c call) result {
	switch c.name {
	case "nanosleep", "epoll_ctl", "prctl", "close_range", "chmod", "fstatfs", "pipe":
		return result{}
	case "clock_gettime":
		return result{time: m.now}
	case "close":
		if m.fds[c.fd] == nil {
			m.fail("descriptor %d, which is not open, is closed", c.fd)
		}
		delete(m.fds, c.fd)
		return result{}
	case "dup":
		return m.open(&simFile{path: os.DevNull})
	case "dup3":
		m.fds[c.arg] = &simFile{path: os.DevNull}
		return result{}
	case "fcntl":
		return result{} // what the log is given for in openFile
	case "execve":
		return m.startMain(c)
	case "wait4":
		return m.wait(c.pid)
	case "waitid":
		a := m.wait(0)
		return result{n: a.n, err: a.err}
	case "kill":
		return m.signalGroup(m.procs[-c.pid], -c.pid, c.sig)
	case "pidfd_open":
		if p := m.procs[c.pid]; p != nil {
			return m.open(&simFile{path: "pidfd", p: p})
		} else if m.tids[c.pid] {
			return failed(unix.EINVAL)
		}
		return failed(unix.ESRCH)
	case "pidfd_send_signal":
		return m.signalByPidfd(c)
	case "ioctl_pidfd":
		p := m.fds[c.fd].p
		if !m.kind.pidfdExit {
			return failed(unix.ENOTTY)
		}
		return result{known: p.gone, status: p.status}
	case "poll":
		if m.fds[c.fd].p.zombie {
			return result{n: 1}
		}
		return result{}
	case "stat":
		return m.stat(c.path)
	case "open":
		if c.path == os.DevNull {
			return result{}
		}
		f, errno := m.resolve(c.path)
		if errno != 0 {
			return failed(errno)
		}
		return m.open(f)
	case "read":
		return m.read(m.fds[c.fd])
	case "write":
		return m.write(m.fds[c.fd], c.text)
	case "getdents":
		return m.list(m.fds[c.fd])
	case "readlink":
		f, errno := m.resolve(c.path)
		if errno == 0 && f.p.hidden {
			errno = unix.EACCES
		}
		return result{err: orNil(errno)}
	case "statx":
		return m.statx(c)
	case "lstat":
		f, errno := m.resolve(c.path)
		if errno != 0 {
			return failed(errno)
		}
		if f.what != "" {
			return result{mode: unix.S_IFREG, links: 1}
		}
		return result{mode: unix.S_IFDIR, links: uint64(2 + len(f.group.below))}
	case "mkdir":
		return m.mkdir(c.path)
	case "rmdir":
		return m.rmdir(c.path)
	}
	panic("no answer to " + c.name)
}

func orNil(errno syscall.Errno) error {
	if errno == 0 {
		return nil
	}
	return errno
}

// startMain begins a run's main process.
func (m *machine) startMain(c call) result {
	if len(m.procs) > 200 {
		return failed(unix.EAGAIN)
	}
	id := valueIn([]byte(strings.Join(c.attr.Env, "\x00")), "TASKS_RUN_ID")
	run := m.runs[id]
	p := m.fork(m.self)
	m.setsid(p)
	p.of, p.depth = run, 0
	p.key = m.hash(id)
	p.files = map[int]descriptor{1: {&openFile{run.log, syscall.O_WRONLY | syscall.O_APPEND | logMark}, false}}
	if c.attr.Sys.UseCgroupFD {
		run.group = m.fds[c.attr.Sys.CgroupFD].group
		run.group.move(p)
	}
	run.main, run.procs = p, []*simProc{p}
	m.say("  %s is process %d", run.name, p.pid)
	execute := func() {
		m.exec(p, c.attr.Env)
		m.follow(p)
	}
	takes := time.Duration(m.hash(id, "fork")%500) * time.Microsecond
	if m.scripted == nil && m.left >= 0 && m.hash(id, "orphan")%10 == 0 { // the supervisor dies meanwhile
		m.hits["death before exec"]++
		p.blindUntil = m.current + takes
		m.at(takes, p, execute)
		m.left = 0
		return result{}
	}
	m.now += takes // with a lock held
	m.catchUp()
	if !p.zombie {
		execute()
	}
	return result{n: p.pid}
}

// wait reaps a child; with pid 0 it only looks for one.
func (m *machine) wait(pid int) result {
	children := m.children(m.self)
	if len(children) == 0 {
		return failed(unix.ECHILD)
	}
	for _, c := range children {
		if c.zombie && (pid <= 0 || c.pid == pid) {
			if pid != 0 {
				m.reap(c)
				m.mark()
			}
			return result{n: c.pid, status: c.status}
		}
	}
	return result{}
}

func (m *machine) signalGroup(leader *simProc, pgrp int, sig syscall.Signal) result {
	found := false
	if leader != nil && leader.of != nil && leader.of.main == leader && sig != 0 && sig != syscall.SIGSTOP {
		m.noteDescent(leader.of)
	}
	for _, p := range m.sorted() {
		if p.pgrp.pid == pgrp && (leader == nil || p.pgrp == leader) {
			found = true
			m.sent(p, sig)
		}
	}
	if !found {
		return failed(unix.ESRCH)
	}
	m.mark()
	return result{}
}

func (m *machine) signalByPidfd(c call) result {
	if m.fds[c.fd] == nil {
		return failed(unix.EBADF)
	}
	p := m.fds[c.fd].p
	if c.pid < 0 {
		if !m.kind.pidfdGroup {
			return failed(unix.EINVAL)
		}
		return m.signalGroup(p, p.pid, c.sig)
	}
	if p.gone {
		return failed(unix.ESRCH)
	}
	m.sent(p, c.sig)
	m.mark()
	return result{}
}

// sent is a signal of the engine's. Nobody gets one but what descends from a run that
// somebody wants to end, to pause, or to resume.
func (m *machine) sent(p *simProc, sig syscall.Signal) {
	if sig == 0 {
		return
	}
	m.hits[sig.String()]++
	if !p.zombie {
		m.say("  %v to %v", sig, p)
	}
	switch r := p.of; {
	case r == nil:
		m.fail("%v, which belongs to no run, is sent %v", p, sig)
	case r.asked, r.starting, m.life.endsUnknown && !r.recorded:
	case r.pausing && (sig == syscall.SIGSTOP || sig == syscall.SIGCONT):
	case r.leave && r.main.zombie && sig == syscall.SIGCONT:
	default:
		m.fail("%v, whose run nobody wants to end, is sent %v", p, sig)
	}
	m.signal(p, sig)
}

// resolve finds what is at the path.
func (m *machine) resolve(path string) (*simFile, syscall.Errno) {
	f := &simFile{path: path}
	if rest, ok := strings.CutPrefix(path, mountPoint); ok {
		f.group, f.what = m.root, ""
		for word := range strings.SplitSeq(strings.Trim(rest, "/"), "/") {
			if word == "" {
				continue
			}
			if strings.HasPrefix(word, "cgroup.") {
				f.what = word
				if word == "cgroup.kill" && !m.kind.groupKill {
					return nil, unix.ENOENT
				}
				continue
			}
			if f.group = f.group.below[word]; f.group == nil {
				return nil, unix.ENOENT
			}
		}
		return f, 0
	}
	rest, ok := strings.CutPrefix(path, "/proc/")
	if path == "/proc" || path == "/" || path == program || strings.HasPrefix(rest, "sys/") {
		return f, 0
	}
	word, what, _ := strings.Cut(rest, "/")
	pid, _ := strconv.Atoi(word)
	if word == "self" {
		pid = m.self.pid
	}
	p := m.procs[pid]
	if !ok || p == nil {
		return nil, unix.ENOENT
	}
	f.p, f.what = p, what
	switch base, _, _ := strings.Cut(f.ofThread(), "/"); base {
	case "environ", "fd", "fdinfo":
		if p.hidden {
			return nil, unix.EACCES
		}
	}
	if tid, isThread := f.thread(); isThread && tid != p.pid && (tid != p.thread || p.thread == 0) {
		return nil, unix.ENOENT
	}
	return f, 0
}

// thread is the one in whose directory the file is.
func (f *simFile) thread() (tid int, ok bool) {
	rest, ok := strings.CutPrefix(f.what, "task/")
	word, _, _ := strings.Cut(rest, "/")
	tid, _ = strconv.Atoi(word)
	return tid, ok
}

// ofThread is what is asked for of the process, or of its thread.
func (f *simFile) ofThread() string {
	if rest, ok := strings.CutPrefix(f.what, "task/"); ok {
		_, rest, _ = strings.Cut(rest, "/")
		return rest
	}
	return f.what
}

// firstEnded reports whether the file is of the first thread, which has ended.
func (f *simFile) firstEnded() bool {
	tid, ok := f.thread()
	return f.p.zombie || f.p.thread != 0 && (!ok || tid == f.p.pid)
}

func (m *machine) read(f *simFile) result {
	if f.read {
		return result{}
	}
	text, errno := m.content(f)
	f.read = true
	return result{text: []byte(text), err: orNil(errno)}
}

func (m *machine) content(f *simFile) (string, syscall.Errno) {
	if f.group != nil {
		return m.groupContent(f)
	}
	switch {
	case f.path == program:
		return "\x7fELF", 0
	case f.path == "/proc/sys/kernel/random/boot_id":
		return "the-boot\n", 0
	case strings.HasSuffix(f.path, "/mountinfo"):
		if !m.kind.cgroups {
			return "22 1 0:21 / /proc rw - proc proc rw\n", 0
		}
		return "30 23 0:26 / " + mountPoint + " rw - cgroup2 cgroup2 rw\n", 0
	case strings.HasSuffix(f.path, "/children"):
		var pids []string
		for _, c := range m.children(f.p) {
			pids = append(pids, strconv.Itoa(c.pid))
		}
		return strings.Join(pids, " "), 0
	}
	p, what := f.p, f.ofThread()
	if p.gone && what != "environ" {
		return "", unix.ESRCH
	}
	switch what {
	case "stat":
		return m.statLine(f), 0
	case "status":
		return "Name:\tp\nUmask:\t0022\nSigIgn:\t0000000000000000\n", 0
	case "environ":
		if p.execing || f.firstEnded() {
			return "", 0
		}
		return strings.Join(p.env, "\x00"), 0
	case "cgroup":
		return "0::" + cmp.Or(p.group.path, "/") + "\n", 0
	case "comm":
		return p.program + "\n", 0
	case "statm":
		return "10 10\n", 0
	case "cmdline":
		return p.program + "\x00", 0
	}
	if number, ok := strings.CutPrefix(what, "fdinfo/"); ok {
		fd, _ := strconv.Atoi(number)
		if file, ok := p.files[fd]; ok && !f.firstEnded() {
			return fmt.Sprintf("pos:\t0\nflags:\t0%o\n", file.flags), 0
		}
		return "", unix.ENOENT
	}
	panic("no such file: " + f.path)
}

func (m *machine) statLine(f *simFile) string {
	p := f.p
	fields := make([]string, 53) // by the numbers of proc_pid_stat(5)
	for i := range fields {
		fields[i] = "0"
	}
	set := func(i int, v any) { fields[i] = fmt.Sprint(v) }
	state, threads := "S", 1
	switch {
	case f.firstEnded():
		state = "Z"
	case p.inKernel != 0:
		state = string(p.inKernel)
	case p.stopped:
		state = "T"
	}
	if p.thread != 0 {
		threads = 2
	}
	set(3, state)
	if p != m.init {
		set(4, p.parent.pid)
	}
	set(5, p.pgrp.pid)
	set(6, p.session.pid)
	set(20, threads)
	set(22, p.start)
	if !p.execing {
		set(26, 1000+p.execs)
		set(28, 2000+p.execs)
	}
	if p.zombie && !p.hidden {
		set(52, int(p.status))
	}
	return fmt.Sprintf("%d (%s) %s\n", p.pid, p.program, strings.Join(fields[3:], " "))
}

func (m *machine) groupContent(f *simFile) (string, syscall.Errno) {
	g := f.group
	if m.groupAt(g.path) != g {
		return "", unix.ENODEV
	}
	switch f.what {
	case "cgroup.procs":
		var text strings.Builder
		for _, pid := range slices.Sorted(maps.Keys(g.procs)) {
			fmt.Fprintln(&text, pid)
		}
		return text.String(), 0
	case "cgroup.events":
		all, frozen := g.all(), 0
		if g.frozenBy(m.current) != nil && !slices.ContainsFunc(all, (*simProc).freezesLater) {
			frozen = 1
		}
		return fmt.Sprintf("populated %d\nfrozen %d\n", min(len(all), 1), frozen), 0
	case "cgroup.freeze":
		if g.freezing {
			return "1\n", 0
		}
		return "0\n", 0
	}
	panic("no such file: " + f.path)
}

// groupAt is the group of the path, or nil.
func (m *machine) groupAt(path string) *simGroup {
	f, errno := m.resolve(mountPoint + path)
	if errno != 0 {
		return nil
	}
	return f.group
}

func (m *machine) write(f *simFile, text string) result {
	g := f.group
	if m.groupAt(g.path) != g {
		return failed(unix.ENODEV)
	}
	switch f.what {
	case "cgroup.kill":
		for _, p := range g.all() {
			m.sent(p, syscall.SIGKILL)
		}
	case "cgroup.freeze":
		g.freeze(m, text == "1")
		for _, p := range g.all() {
			if p.of == nil || !p.of.asked && !p.of.pausing && !p.of.starting && !p.of.leave && !m.life.endsUnknown {
				m.fail("%v is frozen, or not any more", p)
			}
			if p.of != nil && p.of.group != g && !p.of.asked && !p.of.starting {
				m.fail("%v is not frozen any more by its run, which is not asked to end", p)
			}
		}
	default:
		panic("nothing is written to " + f.path)
	}
	return result{}
}

func (m *machine) list(f *simFile) result {
	if f.read {
		return result{}
	}
	f.read = true
	var names []string
	switch {
	case f.path == "/proc":
		for _, p := range m.sorted() {
			names = append(names, strconv.Itoa(p.pid))
		}
		names = append(names, "self", "meminfo")
	case f.group != nil:
		names = append(slices.Sorted(maps.Keys(f.group.below)), "cgroup.procs")
	case f.p.gone:
		return failed(unix.ENOENT)
	case f.what == "task":
		names = append(names, strconv.Itoa(f.p.pid))
		if f.p.thread != 0 {
			names = append(names, strconv.Itoa(f.p.thread))
		}
	case f.ofThread() == "fd":
		if !f.firstEnded() {
			for _, fd := range slices.Sorted(maps.Keys(f.p.files)) {
				names = append(names, strconv.Itoa(fd))
			}
		}
	default:
		panic("no such directory: " + f.path)
	}
	var b []byte
	for _, name := range names { // getdents64(2)
		size := (19 + len(name) + 1 + 7) / 8 * 8
		entry := make([]byte, size)
		binary.NativeEndian.PutUint64(entry, 1)
		binary.NativeEndian.PutUint16(entry[16:], uint16(size))
		copy(entry[19:], name)
		b = append(b, entry...)
	}
	return result{text: b, n: len(b)}
}

func (m *machine) stat(path string) result {
	if strings.HasPrefix(path, mountPoint) {
		if _, errno := m.resolve(path); errno != 0 {
			return failed(errno)
		}
		return result{info: simInfo{path, fs.ModeDir | 0o755}}
	}
	return result{info: simInfo{path, fs.ModeDir | 0o755}} // the directory of all tasks
}

// statx tells of a file that is open, which the engine has of a test, or of one that a
// process has open.
func (m *machine) statx(c call) result {
	if strings.HasSuffix(c.path, "/ns/pid") {
		return result{ino: 4026531836}
	}
	if c.path == "" {
		return result{ino: m.logs[c.fd], mode: logMode}
	}
	dir, number, _ := strings.Cut(c.path, "/fd/")
	f, errno := m.resolve(dir + "/fd")
	if errno != 0 {
		return failed(errno)
	}
	fd, _ := strconv.Atoi(number)
	file, ok := f.p.files[fd]
	if !ok || f.firstEnded() {
		return failed(unix.ENOENT)
	}
	return result{ino: file.ino, mode: logMode}
}

func (m *machine) mkdir(path string) result {
	above, name := path[:strings.LastIndexByte(path, '/')], path[strings.LastIndexByte(path, '/')+1:]
	f, errno := m.resolve(above)
	if errno != 0 {
		return failed(errno)
	}
	if f.group.below[name] != nil {
		return failed(unix.EEXIST)
	}
	m.newGroup(f.group, name)
	return result{}
}

func (m *machine) rmdir(path string) result {
	f, errno := m.resolve(path)
	if errno != 0 {
		return failed(errno)
	}
	if len(f.group.procs) > 0 || len(f.group.below) > 0 {
		return failed(unix.EBUSY)
	}
	for name, g := range f.group.parent.below {
		if g == f.group {
			delete(f.group.parent.below, name)
		}
	}
	return result{}
}
