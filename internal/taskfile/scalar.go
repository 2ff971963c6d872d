package taskfile

import (
	"cmp"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// scalars puts right, or refuses, what the library reads otherwise than YAML has it.
func (s *source) scalars(tokens token.Tokens) bool {
	text := cursor{rest: s.text, at: pos{1, 1}}
	var before *token.Token // the last one that is not a comment
	for i, t := range tokens {
		msg := ""
		switch {
		case lostTab(t):
			msg = "there is a tab in this: write it as \\t in double quotes"
		case t.Type == token.TagType && i+3 < len(tokens) && tokens[i+1].Type == token.AnchorType && tokens[i+3].Position.Line > t.Position.Line:
			msg = "write the anchor before the tag" // what follows the value would be lost
		case t.Type == token.DoubleQuoteType && strings.Contains(t.Origin, `\`):
			msg = "cannot make sense of this as YAML"
			if quoted, ok := text.quoted(t); ok {
				msg = badEscape(quoted)
			}
		case t.Type == token.StringType && before != nil && (before.Type == token.LiteralType || before.Type == token.FoldedType):
			if msg = badBlock(t, before.Value); msg == "" && (strings.Contains(before.Value, "-") || i == len(tokens)-1 && !strings.HasSuffix(s.text, "\n")) {
				t.Value = unendedText(t)
			}
		case t.Type == token.StringType, t.Type == token.SingleQuoteType:
			t.Value = folded(t)
		}
		if msg != "" {
			s.report(tokenPos(t), "%s", msg)
			return false
		}
		if t.Type != token.CommentType {
			before = t
		}
	}
	return true
}

// lostTab tells of a text that the library reads wrongly: in a plain one it drops
// tabs, and after one in double quotes it drops as many characters.
func lostTab(t *token.Token) bool {
	text := strings.TrimSpace(t.Origin)
	switch t.Type {
	case token.DoubleQuoteType:
		return strings.Contains(text, "\t")
	case token.StringType:
		if strings.Contains(t.Value, "\t") {
			return false
		}
		for line := range strings.Lines(text) {
			if strings.Contains(strings.TrimSpace(line), "\t") {
				return true
			}
		}
	}
	return false
}

// folded is a text without quotes or in single ones, whose lines are folded: of several
// empty ones the library loses some, of the last one blanks.
func folded(t *token.Token) string {
	text := strings.Trim(t.Origin, " \n")
	if !strings.Contains(text, "\n") {
		return t.Value
	}
	if t.Type == token.SingleQuoteType {
		text = strings.ReplaceAll(text[1:len(text)-1], "''", "'")
	}
	lines := strings.Split(text, "\n")
	last := len(lines) - 1
	var b strings.Builder
	b.WriteString(strings.TrimRight(lines[0], " \t"))
	newlines := 0 // since the last line that is not empty
	for i, line := range lines[1:] {
		newlines++
		line = strings.TrimLeft(line, " \t")
		if i+1 < last {
			if line = strings.TrimRight(line, " \t"); line == "" {
				continue
			}
		}
		b.WriteString(cmp.Or(strings.Repeat("\n", newlines-1), " "))
		b.WriteString(line)
		newlines = 0
	}
	return b.String()
}

// badBlock is what is wrong with a text after | or >, where the library miscounts blanks.
func badBlock(t *token.Token, header string) string {
	switch text := strings.TrimLeft(t.Origin, " \n"); {
	case strings.HasPrefix(text, "\t"):
		return "a tab begins this text: write it as \\t in double quotes"
	case text == "" && strings.ContainsAny(header, "123456789"):
		return "this text is of blanks alone: put it in double quotes"
	}
	return ""
}

// unendedText is a text after |- or >-, or at the end of the file, which no newline need
// end: the library loses the blanks that do, and lines of blanks alone.
func unendedText(t *token.Token) string {
	lines := strings.Split(strings.TrimRight(t.Origin, "\n"), "\n")
	end := len(lines) // of lines that are not all blanks
	for end > 0 && strings.Trim(lines[end-1], " ") == "" {
		end--
	}
	if end == 0 {
		return t.Value
	}
	indent := blanks(t.Origin) - blanks(t.Value)
	rest := lines[end:]
	for len(rest) > 0 && len(rest[len(rest)-1]) <= indent {
		rest = rest[:len(rest)-1]
	}
	if len(rest) == 0 && strings.HasSuffix(t.Value, "\n") {
		return t.Value
	}
	last := lines[end-1]
	text := []string{strings.TrimRight(t.Value, " \n") + last[len(strings.TrimRight(last, " ")):]}
	for _, line := range rest {
		text = append(text, line[min(indent, len(line)):])
	}
	return strings.Join(text, "\n")
}

// blanks is how many of them begin the first line that has anything else.
func blanks(text string) int {
	after := strings.TrimLeft(text, " \n")
	before := text[:len(text)-len(after)]
	return len(before) - 1 - strings.LastIndexByte(before, '\n')
}

// A cursor goes through a text once.
type cursor struct {
	rest string
	at   pos // where that begins
}

// quoted is t, which is in double quotes, from its first escape on. Of its place the
// library counts no tabs, and of its text it keeps only what is before that.
func (c *cursor) quoted(t *token.Token) (string, bool) {
	for to := tokenPos(t); c.rest != "" && (c.at.line < to.line || c.at.line == to.line && c.at.col < to.col); {
		r, size := utf8.DecodeRuneInString(c.rest)
		c.rest = c.rest[size:]
		if c.at.col++; r == '\n' {
			c.at = pos{c.at.line + 1, 1}
		}
	}
	head, _, _ := strings.Cut(strings.TrimLeft(t.Origin, " \n"), `\`)
	_, quoted, ok := strings.Cut(c.rest, head)
	return quoted, ok
}

// badEscape is what is wrong with a text that ends with a double quote: the library
// reads an escape that names no character as some other one, and loses an escaped blank
// that ends a line.
func badEscape(text string) string {
	for i := 0; i < len(text) && text[i] != '"'; i++ {
		if text[i] != '\\' || i+1 == len(text) {
			continue
		}
		i++
		c := rune(text[i])
		if digits := map[rune]int{'x': 2, 'u': 4, 'U': 8}[c]; digits > 0 {
			n, err := strconv.ParseUint(text[i+1:min(i+1+digits, len(text))], 16, 32)
			c, i = rune(n), i+digits
			if digits == 4 && 0xd800 <= c && c < 0xdc00 { // the library has seen to it that the other half follows
				i += len(`\u0000`)
			} else if err != nil || !utf8.ValidRune(c) {
				return "this is not UTF-8 text: an escape in it names no character"
			}
		}
		if c == ' ' && strings.HasPrefix(strings.TrimLeft(text[min(i+1, len(text)):], " "), "\n") {
			return "an escaped blank ends a line of this: write it at the beginning of the next line"
		}
	}
	return ""
}
