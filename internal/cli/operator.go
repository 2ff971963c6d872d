package cli

import (
	"fmt"
	"slices"
	"strings"
)

// operators are the words that a shell does not pass on to a command.
var operators = []string{"|", "||", "&", "&&", ";", "|&", "<", "<<", "<<<", ">", ">>", "2>", "2>>", "2>&1", "&>"}

// operatorIn is the first word of a line that a shell would take for an operator, or "": one
// without quotes, or the ; after a word.
func operatorIn(line string) string {
	const blanks = " \t\r\n"
	in, quote, escaped := false, byte(0), false
	for i, c := range []byte(line) {
		switch {
		case escaped:
			escaped = false
		case c == '\\' && quote != '\'':
			escaped, in = true, true
		case quote != 0:
			if c == quote {
				quote = 0
			}
		case c == '\'' || c == '"':
			quote, in = c, true
		case c == '#' && !in:
			return ""
		case strings.IndexByte(blanks, c) >= 0:
			in = false
		case !in || c == ';':
			word := line[i:]
			if end := strings.IndexAny(word, blanks); end >= 0 {
				word = word[:end]
			}
			if slices.Contains(operators, word) && (!in || word == ";") {
				return word
			}
			in = true
		}
	}
	return ""
}

// operatorError says that a line is for a shell.
func operatorError(word string) error {
	return lineError{what: fmt.Sprintf("this prompt is not a shell, which %s is for: put the line in quotes, as in start NAME -c 'COMMAND | COMMAND', or %q if it is an argument", word, word)}
}
