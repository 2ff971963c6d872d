package process

import (
	"bytes"
	"errors"
	"fmt"
	"path/filepath"
	"strings"
	"syscall"
	"unicode"

	"tasks/internal/safeopen"
)

// explained is err, of an exec of the program at path in dir, with what the system does not
// say: which of the two files is missing, or what a script needs.
func explained(err error, path, dir string) error {
	if !errors.Is(err, syscall.ENOENT) && !errors.Is(err, syscall.ENOEXEC) {
		return err
	}
	if !filepath.IsAbs(path) {
		path = filepath.Join(dir, path)
	}
	head := headOf(path)
	line, script := bytes.CutPrefix(head, []byte("#!"))
	line, _, _ = bytes.Cut(line, []byte("\n"))
	switch {
	case !script && errors.Is(err, syscall.ENOEXEC) && !bytes.ContainsFunc(head, notText):
		return fmt.Errorf("%w: it has no #! line: run it by sh", err)
	case script && bytes.HasSuffix(line, []byte("\r")):
		return fmt.Errorf("%w: its #! line ends with CR LF: end its lines with LF alone", err)
	case script && len(bytes.Fields(line)) > 0:
		return fmt.Errorf("%w: its interpreter %q, of its #! line, is not there", err, bytes.Fields(line)[0])
	}
	return err
}

// notText reports whether r is a character that no script has.
func notText(r rune) bool { return unicode.IsControl(r) && !strings.ContainsRune("\t\r\n", r) }

// headOf is the beginning of the file at path, as much as execve(2) looks at.
func headOf(path string) []byte {
	f, err := safeopen.Open(path)
	if err != nil {
		return nil
	}
	defer f.Close()
	head := make([]byte, 256)
	n, _ := f.Read(head)
	return head[:n]
}
