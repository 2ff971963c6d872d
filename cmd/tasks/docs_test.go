package main

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"

	"golang.org/x/sys/unix"
)

// elsewhere are the pages whose examples this test does not run.
var elsewhere = map[string]string{
	"protocol.md": "a test of internal/server replays each request",
	"systemd.md":  "its unit needs a systemd; foreground.txtar has what is asked of tasks",
}

// notRun are the statements that cannot be, by how they begin.
var notRun = map[string]string{
	"tasks events -f -n 0": "it never ends, in a pipe",
}

// stubs are the programs of the examples: a line of sh each. Those with a slash
// are in the directories that the examples run in.
var stubs = map[string]string{
	"ffmpeg": "", "make": "", "optipng": "", "notify-send": "", "logger": "", "pg_isready": "", "mail": "cat >/dev/null",
	"curl": "", "systemd-notify": `exec notify`,
	"python3": "exec listen 8000", "postgres": "exec listen 5432", "redis-server": "exec listen 6379",
	"./api": "exec listen 8080", "./app": "exec listen 8081", "./shop": "exec sleep 300", "./web": "exec sleep 300", "./worker": "exec sleep 300",
	"./search": "exec listen 0", "./train.sh": "exec sleep 300", "./preview": "exec sleep 300", "./queue": "[ $# -gt 0 ] || exec sleep 300",
	"./backup.sh": "", "./clean": "", "./fetch.sh": "", "./import.sh": "", "./launch.sh": "", "./mail.sh": "", "./migrate": "", "./migrate.sh": "",
	"./mirror.sh": "", "./nightly.sh": "", "./open.sh": "", "./probe.sh": "", "./publish.sh": "", "./report": "", "./report.sh": "",
	"./rotate.sh": "", "./ship.sh": "", "./sync.sh": "", "./warm-up": "",
}

// files are what the examples find beside them.
var files = []string{"a.wav", "b.wav", "c.wav", "a.png", "b c.png", ".env", "api.env"}

// before is what a page takes for granted.
var before = map[string]string{
	"events.md": "tasks start web -- sleep 300; tasks start job-1 -g encode --wait -- true; ",
}

// TestDocs runs the examples of the README and of docs/: all of a page, line by
// line, in a home of its own. A line is to succeed, unless its comment says what
// it "exits with"; one that follows logs or events is interrupted. A supervisor is
// there at the beginning of each block, and its tasks stay up to the page's end.
// What the text names, commands and flags, must be there.
func TestDocs(t *testing.T) {
	t.Parallel()
	program := t.TempDir()
	build := exec.Command("go", "build", "-trimpath", "-ldflags=-s -w", "-o", program, ".") // as make build has it: each command in a fifth of the time
	build.Env = append(os.Environ(), "CGO_ENABLED=0")
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v\n%s", err, out)
	}
	known := commandsOf(t, filepath.Join(program, "tasks"))
	for _, page := range pages(t) {
		name := filepath.Base(page)
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		checkNames(t, name, string(text), known)
		if elsewhere[name] != "" || !bytes.Contains(text, []byte("\n```sh\n")) {
			continue
		}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			runPage(t, program, name, string(text))
		})
	}
}

func pages(t *testing.T) []string {
	t.Helper()
	all, err := filepath.Glob("../../docs/*.md")
	if err != nil || len(all) == 0 {
		t.Fatalf("no pages: %v", err)
	}
	return append(all, "../../README.md")
}

// runPage runs the examples of a page with the tasks in that directory.
func runPage(t *testing.T, program, page, text string) {
	dir, vars := sandbox(t)
	getenv := func(name string) string { return vars[name] }
	t.Cleanup(func() { tearDown(t, getenv, dir) })
	ports := newPorts(t)
	bin, work := filepath.Join(dir, "bin"), filepath.Join(dir, "work")
	for _, at := range []string{bin, work, filepath.Join(vars["HOME"], "api")} {
		if err := os.MkdirAll(at, 0o700); err != nil {
			t.Fatal(err)
		}
	}
	write := func(path, text string) {
		if err := os.WriteFile(path, []byte(text), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	for _, file := range files {
		write(filepath.Join(work, file), "")
		write(filepath.Join(vars["HOME"], "api", file), "")
	}
	for name, line := range stubs {
		script := "#!/bin/sh\n" + ports.Replace(line) + "\n"
		if !strings.Contains(name, "/") {
			write(filepath.Join(bin, name), script)
			continue
		}
		for _, at := range []string{work, filepath.Join(vars["HOME"], "api")} {
			write(filepath.Join(at, name), script)
		}
	}
	script := pageScript(t, page, ports.Replace(text), func(n int, text string) string {
		path := filepath.Join(dir, strconv.Itoa(n))
		write(path, text)
		return path
	})
	write(filepath.Join(dir, "page.sh"), script)
	ctx, cancel := context.WithTimeout(t.Context(), 5*timeout) // a page has many waits
	defer cancel()
	cmd := exec.CommandContext(ctx, "bash", filepath.Join(dir, "page.sh"))
	cmd.Dir = work
	vars["PATH"] = strings.Join([]string{bin, program, os.Getenv("PATH")}, ":")
	for name, value := range vars {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := os.Create(filepath.Join(dir, "out")) // no pipe: processes left behind would keep it open
	if err != nil {
		t.Fatal(err)
	}
	defer out.Close()
	cmd.Stdout, cmd.Stderr = out, out
	if err := cmd.Run(); err != nil {
		said, _ := os.ReadFile(out.Name())
		t.Errorf("%s: %v\n%s", page, cmp.Or(context.Cause(ctx), err), said)
	}
}

// newPorts reserves a free port for each port that the examples name: until the test
// ends, a socket that does not listen is bound to it.
func newPorts(t *testing.T) *strings.Replacer {
	t.Helper()
	var pairs []string
	for _, port := range []string{"5432", "6379", "8000", "8080", "8081", "8443"} {
		s, err := unix.Socket(unix.AF_INET, unix.SOCK_STREAM, 0)
		if err != nil {
			t.Fatal(err)
		}
		unix.CloseOnExec(s)
		t.Cleanup(func() { unix.Close(s) })
		sharePort(s)
		if err := unix.Bind(s, &unix.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
			t.Fatal(err)
		}
		at, err := unix.Getsockname(s)
		if err != nil {
			t.Fatal(err)
		}
		pairs = append(pairs, port, strconv.Itoa(at.(*unix.SockaddrInet4).Port))
	}
	return strings.NewReplacer(pairs...)
}

// sharePort lets others that share it bind the port of a socket as well.
func sharePort(s int) { unix.SetsockoptInt(s, unix.SOL_SOCKET, unix.SO_REUSEPORT, 1) }

var (
	fence    = regexp.MustCompile("^```(\\w*)$")
	expected = regexp.MustCompile(`^(.*?)\s+# (?:.* )?exits with (\d+)\b`)
	endless  = regexp.MustCompile(`^(tasks (?:logs|events) [^|#]*-f\b[^|#]*)(?:#.*)?$`)
)

// fileOf is what a block of that language is saved as.
var fileOf = map[string]string{"yaml": "tasks.yaml", "procfile": "Procfile", "env": ".env"}

// pageScript makes of a page a script for bash, in which each line is where it is
// in the page. save keeps the nth text in a file, and returns its path.
func pageScript(t *testing.T, page, text string, save func(n int, text string) string) string {
	t.Helper()
	script := []string{}
	kind, block, ended := "", []string(nil), false
	for n, line := range strings.Split(text, "\n") {
		found := fence.FindStringSubmatch(line)
		switch {
		case found == nil && kind != "":
			block = append(block, line)
			script = append(script, "")
		case found == nil:
			script = append(script, "")
		case kind == "":
			kind, block = cmp.Or(found[1], "text"), nil
			script = append(script, "")
		default: // its end
			first := n - len(block)
			if kind == "sh" {
				script[first-1] = "("
				if ended {
					script[first-1] += " tasks serve -q"
				}
				copy(script[first:], shellBlock(t, page, first, block))
				script = append(script, ")")
				ended = slices.ContainsFunc(block, func(line string) bool { return strings.HasPrefix(line, "tasks exit") })
			} else if file := fileOf[kind]; file != "" {
				path := save(n, strings.Join(block, "\n")+"\n")
				line := fmt.Sprintf("cp %s %s", path, file)
				if kind != "env" {
					line += fmt.Sprintf("; tasks up --check -f %s", file)
				}
				script = append(script, line)
			} else {
				script = append(script, "")
			}
			kind = ""
		}
	}
	if kind != "" {
		t.Errorf("%s: a block has no end", page)
	}
	script[0] = `set -eE -o pipefail; trap 'code=$?; echo "` + page + `:$LINENO: exit code $code: ${BASH_COMMAND:0:200}" >&2' ERR; tasks serve -q; ` + before[page] + script[0]
	return strings.Join(script, "\n")
}

// shellBlock converts the statements of a documented block to shell code that the test runs.
func shellBlock(t *testing.T, page string, first int, block []string) []string {
	t.Helper()
	lines := slices.Clone(block)
	for i := 0; i < len(lines); {
		end := i + 1
		for end < len(block) && (strings.HasPrefix(block[end], " ") || strings.HasSuffix(block[end-1], "|") || strings.HasSuffix(block[end-1], `\`)) {
			end++
		}
		statement := strings.Join(block[i:end], "\n")
		if why := whyNot(statement); why != "" {
			t.Logf("%s:%d: not run: %s: %s", page, first+i+1, why, block[i])
			clear(lines[i:end])
		} else if end == i+1 {
			if m := expected.FindStringSubmatch(lines[i]); m != nil {
				lines[i] = fmt.Sprintf(`code=0; { %s; } || code=$?; if [ $code != %s ]; then echo "%s:%d: exit code $code, not %[2]s" >&2; exit 1; fi`, m[1], m[2], page, first+i+1)
			} else if m := endless.FindStringSubmatch(lines[i]); m != nil {
				lines[i] = "interrupted " + m[1]
			}
		}
		i = end
	}
	return lines
}

// whyNot is why a statement is not run, or "".
func whyNot(statement string) string {
	for start, why := range notRun {
		if strings.HasPrefix(statement, start) {
			return why
		}
	}
	for _, tool := range []string{"jq", "socat"} {
		if _, err := exec.LookPath(tool); err != nil && strings.Contains(statement, tool) {
			return "there is no " + tool
		}
	}
	return ""
}

// interrupted is `interrupted PROGRAM [ARG…]`: a program that never ends gets INT once
// it has written something, and must exit with 130.
func interrupted() {
	cmd := exec.Command(os.Args[1], os.Args[2:]...)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	if err == nil {
		err = cmd.Start()
	}
	first := make([]byte, 1)
	if err == nil {
		_, err = io.ReadFull(out, first)
	}
	if err == nil {
		os.Stdout.Write(first)
		err = cmd.Process.Signal(syscall.SIGINT)
	}
	if err == nil {
		_, err = io.Copy(os.Stdout, out)
	}
	var exit *exec.ExitError
	if err == nil && errors.As(cmd.Wait(), &exit) && exit.ExitCode() == 130 {
		return
	}
	fmt.Fprintf(os.Stderr, "%v was not interrupted: %v, %v\n", os.Args[1:], err, exit)
	os.Exit(1)
}

// listen is `listen PORT`: a server that answers whatever it is asked. Examples of
// one page may have several at one port.
func listen() {
	signal.Ignore(syscall.SIGHUP) // as one that then reads its configuration
	shared := net.ListenConfig{Control: func(_, _ string, c syscall.RawConn) error {
		return c.Control(func(s uintptr) { sharePort(int(s)) })
	}}
	l, err := shared.Listen(context.Background(), "tcp", "127.0.0.1:"+os.Args[1])
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("started in 12 ms")
	fmt.Fprintln(os.Stderr, http.Serve(l, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})))
	os.Exit(1)
}

// notify is `notify`: READY=1 to NOTIFY_SOCKET, sd_notify(3).
func notify() {
	c, err := net.Dial("unixgram", os.Getenv("NOTIFY_SOCKET"))
	if err == nil {
		_, err = c.Write([]byte("READY=1"))
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}
