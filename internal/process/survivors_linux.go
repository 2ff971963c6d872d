package process

import (
	"bytes"
	"path/filepath"
	"strconv"
)

// Survivors names the tasks that the supervisor on socket, with this state directory, began
// and whose main process lives, whether or not that supervisor does. The error is that they
// could not be looked for.
func Survivors(socket, state string) ([]string, error) {
	all, err := scan()
	if err != nil {
		return nil, err
	}
	logs, err := filepath.EvalSymlinks(filepath.Join(state, "logs"))
	if err != nil || state == "" {
		logs = "" // none is there
	}
	var names []string
	for _, s := range all {
		// A main process leads its session; most others need not be read.
		if s.session != s.pid || s.dead() || s.pid == ownPID {
			continue
		}
		dir, at, err := living(s.pid)
		var env []byte
		for looked := ""; err == nil && len(env) == 0 && dir != looked; { // a thread that has ended shows none
			looked = dir
			if env, err = environOf(at.proc, dir); err == nil {
				dir, at, err = living(s.pid)
			}
		}
		if err != errHangs && failure(err) != nil {
			return nil, err
		}
		env = append([]byte{0}, env...)
		_, id, ok := bytes.Cut(env, []byte("\x00TASKS_RUN_ID="))
		id, _, _ = bytes.Cut(id, []byte{0})
		_, line, _ := parseNumber(string(id[bytes.LastIndexByte(id, '/')+1:]))
		if ok && !line && bytes.Contains(env, []byte("\x00TASKS_SOCKET="+socket+"\x00")) {
			_, name, _ := bytes.Cut(env, []byte("\x00TASKS_NAME="))
			name, _, _ = bytes.Cut(name, []byte{0})
			names = append(names, string(name))
		} else if name := ownerOfOutput(s.pid, logs); !ok && name != "" {
			names = append(names, name)
		}
	}
	return names, nil
}

// ownerOfOutput is the task to whose log, below the directory logs, the process writes; ""
// if to none. A program that shows another title has no environment to be known by.
func ownerOfOutput(pid int, logs string) string {
	for _, fd := range []string{"1", "2"} {
		file, err := readlink(filepath.Join("/proc", strconv.Itoa(pid), "fd", fd))
		if err == nil && logs != "" && filepath.Dir(filepath.Dir(file)) == logs {
			return filepath.Base(filepath.Dir(file))
		}
	}
	return ""
}
