package taskfile

import (
	"cmp"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"
)

// scalars puts right, or refuses, what the library reads otherwise than YAML has it.
func (s *source) scalars(tokens token.Tokens) bool {
	text := cursor{rest: s.text, at: pos{1, 1}}
	var before *token.Token // the last one that is not a comment
	open := 0               // brackets and braces
	for i, t := range tokens {
		msg := ""
		switch {
		case t.Type == token.SequenceStartType, t.Type == token.MappingStartType:
			open++
		case t.Type == token.SequenceEndType, t.Type == token.MappingEndType:
			open--
		case t.Type == token.CommentType && before != nil && isHeader(before) && !strings.HasSuffix(before.Origin, " ") && !strings.HasSuffix(before.Origin, "\n"):
			msg = "put a blank before the comment"
		case isHeader(t) && strings.Trim(strings.TrimSpace(t.Origin), "|>+-123456789") != "":
			msg = "cannot make sense of this as YAML"
		case isHeader(t) && open > 0:
			msg = "in { } and [ ], put this text in quotes"
		case lostTab(t):
			msg = "there is a tab in this: write it as \\t in double quotes"
		case t.Type == token.TagType && t.Value != "!!str":
			msg = "this tag is not supported here: put a text that begins with ! in quotes"
		case t.Type == token.AnchorType && (i+1 == len(tokens) || tokenPos(tokens[i+1]) != pos{t.Position.Line, t.Position.Column + 1}):
			msg = "there is no name after this &: put a text that begins with & in quotes"
		case t.Type == token.TagType && i+3 < len(tokens) && tokens[i+1].Type == token.AnchorType && tokens[i+3].Position.Line > t.Position.Line:
			msg = "write the anchor before the tag" // what follows the value would be lost
		case t.Type == token.DoubleQuoteType && strings.Contains(t.Origin, `\`):
			msg = "cannot make sense of this as YAML"
			if quoted, ok := text.quoted(t); ok {
				msg = badEscape(quoted)
			}
		case t.Type == token.StringType && before != nil && isHeader(before):
			t.Value, msg = blockText(before.Value, t)
		case t.Type == token.StringType && before != nil && isScalar(before) && tokens[i-1].Type == token.CommentType && !isKey(tokens[i+1:]):
			msg = "a comment ends the text before this: put all of it in quotes"
		case t.Type == token.StringType && open > 0 && strings.ContainsAny(t.Origin, ",[]{}"):
			msg = "in { } and [ ], put a text with a comma, bracket or brace in quotes"
		case t.Type == token.StringType:
			t.Value, msg = plainText(t)
		case t.Type == token.SingleQuoteType:
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
	switch {
	case t.Type == token.DoubleQuoteType:
		return strings.Contains(text, "\t")
	case isPlain(t):
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
	text := strings.Trim(t.Origin, " \t\n")
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

// plainText is a text without quotes. The library takes in comments, and what YAML has only
// in quotes.
func plainText(t *token.Token) (text, problem string) {
	begin := strings.TrimLeft(t.Origin, " \t\n")
	if begin != "" && strings.Contains(",[]{}#&*!|>'\"%@`", begin[:1]) {
		return "", "put a text that begins with " + begin[:1] + " in quotes"
	}
	if i := comment().FindStringIndex(begin); i != nil {
		if strings.Contains(strings.TrimRight(begin[i[1]:], " \n"), "\n") {
			return "", "there is a comment within this text: put the text in quotes, or the comment above it"
		}
		begin = strings.TrimRight(begin[:i[0]], " \t\n")
		t.Origin = begin
	}
	if colon().MatchString(begin) {
		return "", "put a text with a colon before a blank in quotes"
	}
	return folded(t), ""
}

var (
	comment = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`[ \t\n]#`) })
	colon   = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`:([ \t\n]|$)`) })
)

// blockText is a text after | or >, which the library reads wrongly where lines of it are empty,
// and where no newline ends it.
func blockText(header string, t *token.Token) (text, problem string) {
	lines := strings.SplitAfter(t.Origin, "\n")
	first := slices.IndexFunc(lines, func(line string) bool { return strings.Trim(line, " \n") != "" })
	sized := strings.ContainsAny(header, "123456789")
	indent := blanks(t.Origin)
	switch {
	case first < 0 && sized:
		return "", "this text is of blanks alone: put it in double quotes"
	case first < 0:
		indent = len(t.Origin)
	case strings.HasPrefix(strings.TrimLeft(lines[first], " "), "\t"):
		return "", "a tab begins this text: write it as \\t in double quotes"
	case sized:
		indent -= blanks(t.Value)
	case slices.ContainsFunc(lines[:first], func(line string) bool { return len(line) > indent+1 }):
		return "", "an empty line before this text has more blanks than its first line: remove them"
	}
	var b strings.Builder
	breaks, last := "", "" // the newlines of the empty lines since the last one with text, and the newline of that
	folds := false         // whether > makes that a blank
	for _, line := range lines {
		line, ended := strings.CutSuffix(line, "\n")
		newline := ""
		if ended {
			newline = "\n"
		}
		if len(strings.TrimLeft(line, " ")) == 0 && len(line) <= indent {
			breaks += newline
			continue
		}
		if len(line) < indent || strings.Trim(line[:indent], " ") != "" {
			return "", "a line of this text has fewer blanks than its first line"
		}
		line = line[indent:]
		more := strings.HasPrefix(line, " ") || strings.HasPrefix(line, "\t")
		switch {
		case !folds || more:
			b.WriteString(last)
		case breaks == "":
			b.WriteString(" ")
		}
		b.WriteString(breaks + line)
		breaks, last, folds = "", newline, header[0] == '>' && !more
	}
	if !strings.Contains(header, "-") {
		b.WriteString(last)
	}
	if strings.Contains(header, "+") {
		b.WriteString(breaks)
	}
	return b.String(), ""
}

// isHeader reports whether t is the | or > before a text.
func isHeader(t *token.Token) bool { return t.Type == token.LiteralType || t.Type == token.FoldedType }

// isScalar reports whether t is a value or a key, not the name of an anchor.
func isScalar(t *token.Token) bool {
	if isPlain(t) || t.Type == token.SingleQuoteType || t.Type == token.DoubleQuoteType {
		return t.Prev == nil || t.Prev.Type != token.AnchorType && t.Prev.Type != token.AliasType
	}
	return false
}

// isPlain reports whether t is a text without quotes, also one that reads as a number or the
// like.
func isPlain(t *token.Token) bool {
	switch t.Type {
	case token.StringType, token.IntegerType, token.BinaryIntegerType, token.OctetIntegerType, token.HexIntegerType, token.FloatType,
		token.InfinityType, token.NanType, token.BoolType, token.NullType, token.MergeKeyType:
		return true
	}
	return false
}

// isKey reports whether what follows a text makes it a key.
func isKey(rest token.Tokens) bool { return len(rest) > 0 && rest[0].Type == token.MappingValueType }

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
		if c == '\n' && strings.HasPrefix(strings.TrimLeft(text[i+1:], " "), "\n") {
			return "an escaped newline comes before an empty line of this: write \\n in place of both"
		}
	}
	return ""
}
