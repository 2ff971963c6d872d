package cli

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"

	"tasks/internal/safeopen"
	"tasks/internal/socket"
	"tasks/pkg/task"
)

// inEditor has the user change text in an editor. The text is in the file at path then,
// which the caller removes.
func (e *env) inEditor(pattern, text string) (path, is string, err error) {
	editor := cmp.Or(os.Getenv("VISUAL"), os.Getenv("EDITOR"))
	if editor == "" {
		return "", "", usage("no editor is known: set EDITOR, or say what to change by flags, such as --priority 5")
	}
	if err := socket.CheckNamedDir(os.TempDir()); err != nil { // where nobody else can put another text in its place
		return "", "", fmt.Errorf("cannot make a file to edit in $TMPDIR: %w", err)
	}
	f, err := os.CreateTemp("", pattern) // for its owner alone
	if err != nil {
		return "", "", fmt.Errorf("cannot make a file to edit: %w", err)
	}
	path = f.Name()
	_, err = io.WriteString(f, text)
	if closed := f.Close(); err == nil {
		err = closed
	}
	if err != nil {
		os.Remove(path)
		return "", "", err
	}
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGINT, syscall.SIGQUIT) // they are the editor's
	defer signal.Stop(sig)
	cmd := exec.Command("sh", "-c", editor+` "$1"`, "sh", path)
	cmd.Stdin, cmd.Stdout, cmd.Stderr = standardFiles()
	if err := cmd.Run(); err != nil {
		return "", "", task.Errorf(nil, "", "the editor %q failed: %v: nothing changed: your text is kept in %s", editor, err, path)
	}
	content, err := readEdited(path)
	if err != nil {
		return "", "", fmt.Errorf("cannot read what was edited: %w", err)
	}
	return path, content, nil
}

// readEdited is what an editor has left at path, which may be another file than before.
func readEdited(path string) (string, error) {
	f, err := safeopen.Open(path)
	if err != nil {
		return "", err
	}
	defer f.Close()
	content, err := io.ReadAll(f)
	return string(content), err
}

// standardFiles are those of this process, for a program that has the terminal.
func standardFiles() (in, out, err *os.File) { return os.Stdin, os.Stdout, os.Stderr }
