package cli

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"

	"github.com/spf13/cobra"
	"golang.org/x/term"

	"tasks/pkg/client"
)

func newShell(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "shell",
		Short: "A prompt that takes the same commands",
		Long: `A prompt that takes the same commands, without 'tasks' before them. Words are
quoted as in sh, also over several lines; there are no pipes and no redirections.
'exit' stops every task and ends the supervisor; the end of input (Ctrl-D) leaves
the prompt alone. The exit code is the last command's.

On a terminal, Tab completes commands, flags, names and files; within quotes it is a
tab. Pasted text is taken as it is, each line as if it was entered. The arrow keys
recall earlier lines, also of earlier sessions: the last 1000 are kept in
~/.local/state/tasks/shell_history, but for commands that begin with a blank.`,
		Example: "  tasks shell\n  printf 'start capture\\nlist\\n' | tasks shell",
		Args:    noArgs,
		RunE: func(*cobra.Command, []string) error {
			if e.shell != nil {
				return usage("this is the shell already")
			}
			return e.runShell()
		},
	}
}

// session is what a `tasks shell` shares with its lines.
type session struct {
	socket string                                // that the shell was given
	ask    func(question string) (string, error) // of who types; nil: nobody does
	exited bool                                  // a line has ended the shell's supervisor, or tried to
}

func (e *env) runShell() error {
	in, ok := e.in.(*os.File)
	typed := ok && term.IsTerminal(int(in.Fd()))
	read := e.plainReader()
	if typed {
		read = uncut(read)
	}
	s := &session{socket: e.socket}
	if typed && e.tty {
		ed := e.newEditor(int(in.Fd()), func(words []string) []string { return e.offers(s, words) })
		defer ed.history.close()
		read, s.ask = ed.line, ed.answer
		fmt.Fprintln(e.out, "The commands of tasks, such as start NAME -- COMMAND, list, logs NAME; help lists them, Tab completes.\n"+
			"exit stops every task and ends the supervisor; Ctrl-D leaves.")
	}
	code := done
	for {
		words, err := readWords(read)
		if errors.Is(err, io.EOF) {
			break
		}
		if wrong := new(lineError); errors.As(err, wrong) {
			fmt.Fprintln(e.err, "tasks:", err)
			if code = wrongUsage; wrong.last {
				break
			}
			continue
		}
		if err != nil {
			return fmt.Errorf("cannot read a line: %w", err)
		}
		if len(words) == 0 {
			continue
		}
		s.exited = false
		code = e.line(s, words)
		if s.exited && (code == done || code == noSupervisor) {
			break
		}
	}
	if code != done {
		return exitCode(code)
	}
	return nil
}

// line runs one line as a command of its own.
func (e *env) line(s *session, words []string) int {
	l := e.forLine(s)
	defer l.close()
	return l.run(withoutTasks(words))
}

// forLine is what a line is run with.
func (e *env) forLine(s *session) *env {
	l := newEnv() // the terminal may have another width by now
	l.socket, l.foreign = e.socket, e.foreign
	l.output, l.quiet, l.noHeaders, l.color = e.output, e.quiet, e.noHeaders, e.color
	l.shell = s
	return l
}

// withoutTasks is a line without the word that it need not begin with.
func withoutTasks(words []string) []string {
	if words[0] == "tasks" && len(words) > 1 {
		return words[1:]
	}
	return words
}

// sure asks who types in a shell before tasks that run are stopped.
func (e *env) sure() bool {
	if e.shell == nil || e.shell.ask == nil {
		return true
	}
	c, err := e.dial()
	if err != nil {
		return true
	}
	tasks, err := c.List(context.Background(), client.ListOptions{})
	n := 0
	for _, t := range tasks {
		if !t.State.Ended() {
			n++
		}
	}
	if err != nil || n == 0 {
		return true
	}
	have := "1 task has"
	if n > 1 {
		have = fmt.Sprintf("%d tasks have", n)
	}
	answer, err := e.shell.ask(fmt.Sprintf("%s not ended: stop them and end the supervisor? [y/N] ", have))
	return err == nil && strings.HasPrefix(strings.ToLower(strings.TrimSpace(answer)), "y")
}

// reader reads a line of a command, without its end; before are the earlier ones, with it.
type reader func(before string) (string, error)

// maxShellLine is more than one request holds.
const maxShellLine = 1 << 20

// lineError says why a line is not run. After the last one nothing is: where it would end
// is not known.
type lineError struct {
	what string
	last bool
}

func (e lineError) Error() string { return e.what }

var (
	errLongLine = lineError{what: fmt.Sprintf("a line has more than %d KiB: it is skipped", maxShellLine>>10)}
	errLongText = lineError{fmt.Sprintf("a quotation has more than %d KiB: nothing after it is run", maxShellLine>>10), true}
	errUnended  = lineError{"the input ends within a quotation", true}
	errGivenUp  = errors.New("Ctrl-C") // of the line that was being typed
)

// readWords reads a command, of several lines where a quotation continues, and takes it apart.
func readWords(read reader) ([]string, error) {
	text, err := read("")
	for {
		if errors.Is(err, errGivenUp) {
			return nil, nil
		}
		if err != nil {
			return nil, err
		}
		words, ended := split(text)
		if op := operatorIn(text); ended && op != "" {
			return nil, operatorError(op)
		}
		if ended {
			return words, nil
		}
		text += "\n"
		var more string
		switch more, err = read(text); {
		case errors.Is(err, io.EOF):
			err = errUnended
		case errors.Is(err, errLongLine) || err == nil && len(text)+len(more) > maxShellLine:
			err = errLongText
		}
		text += more
	}
}

func (s *streams) plainReader() reader {
	in := bufio.NewReader(s.in)
	return func(string) (string, error) {
		var line []byte
		tooLong := false
		for {
			part, err := in.ReadSlice('\n')
			if tooLong = tooLong || len(line)+len(part) > maxShellLine; !tooLong {
				line = append(line, part...)
			}
			switch {
			case errors.Is(err, bufio.ErrBufferFull):
			case err != nil && !errors.Is(err, io.EOF):
				return "", err
			case tooLong:
				return "", errLongLine
			case len(line) == 0: // not even a newline
				return "", io.EOF
			default:
				return strings.TrimSuffix(string(line), "\n"), nil
			}
		}
	}
}

// longestTyped is what a terminal keeps of a line that no editor reads (n_tty.c).
const longestTyped = 4095

// uncut refuses lines that the terminal may have cut.
func uncut(read reader) reader {
	return func(before string) (string, error) {
		line, err := read(before)
		if err == nil && len(line) >= longestTyped {
			err = lineError{fmt.Sprintf("a line has %d bytes, the most that a terminal keeps: it may have been longer, and is not run", len(line)), before != ""}
		}
		return line, err
	}
}

// split takes a line apart as a POSIX shell does, with quotes, backslashes and comments,
// and nothing else. It has not ended where the next line is part of it. Bytes that are not
// UTF-8 stay as they are, for the commands to refuse.
func split(line string) (words []string, ended bool) {
	words, _, ended = splitAt(strings.TrimRight(line, "\r"))
	return words, ended
}

// splitAt is split; begin is where the last word begins: at the end of a line that ends
// with a blank, and nowhere, -1, in a comment.
func splitAt(line string) (words []string, begin int, ended bool) {
	var word []byte
	in, quote, escaped := false, byte(0), false
	for i, c := range []byte(line) {
		was := in
		switch {
		case escaped:
			escaped = false
			if c == '\n' { // both are left out
				continue
			}
			if quote == '"' && c != '"' && c != '\\' && c != '$' && c != '`' {
				word = append(word, '\\')
			}
			word, in = append(word, c), true
		case c == '\\' && quote != '\'':
			escaped = true
		case quote != 0:
			if c == quote {
				quote = 0
			} else {
				word = append(word, c)
			}
		case c == '\'' || c == '"':
			quote, in = c, true
		case c == '#' && !in:
			return words, -1, true
		case c == ' ' || c == '\t':
			if in {
				words = append(words, string(word))
				word, in = nil, false
			}
		default:
			word, in = append(word, c), true
		}
		if in && !was {
			begin = i
		}
	}
	if in {
		words = append(words, string(word))
	} else {
		begin = len(line)
	}
	return words, begin, quote == 0 && !escaped
}
