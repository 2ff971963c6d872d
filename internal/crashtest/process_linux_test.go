package crashtest

import (
	"bytes"
	"os"
	"strconv"
	"strings"
)

// A process that is there.
type process struct {
	pid int
	run int // of its task
}

func processes() []process {
	entries, err := os.ReadDir("/proc")
	if err != nil {
		panic(err)
	}
	var all []process
	for _, e := range entries {
		if pid, err := strconv.Atoi(e.Name()); err == nil {
			all = append(all, process{pid: pid})
		}
	}
	return all
}

func (p process) read(file string) []byte {
	b, _ := os.ReadFile("/proc/" + strconv.Itoa(p.pid) + "/" + file)
	return b
}

func (p process) args() []string { return strings.Split(string(p.read("cmdline")), "\x00") }

func (p process) alive() bool {
	f := p.stat()
	return len(f) > 0 && f[0] != "Z" && f[0] != "X"
}

func (p process) parent() int {
	if f := p.stat(); len(f) > 1 {
		pid, _ := strconv.Atoi(f[1])
		return pid
	}
	return 0
}

// stat is the fields of the process's stat after its name.
func (p process) stat() []string {
	stat := string(p.read("stat"))
	return strings.Fields(stat[strings.LastIndexByte(stat, ')')+1:])
}

// running is every living process that a supervisor on the socket began, by the
// name of its task.
func (s *crashTest) running() map[string][]process {
	found := make(map[string][]process)
	for _, p := range processes() {
		env := append([]byte{0}, p.read("environ")...)
		if !bytes.Contains(env, []byte("\x00TASKS_SOCKET="+s.socket+"\x00")) || !p.alive() {
			continue
		}
		_, id, ok := bytes.Cut(env, []byte("\x00TASKS_RUN_ID="))
		id, _, _ = bytes.Cut(id, []byte{0})
		if parts := strings.Split(string(id), "/"); ok && len(parts) == 3 {
			p.run, _ = strconv.Atoi(parts[2])
			found[parts[1]] = append(found[parts[1]], p)
		}
	}
	return found
}
