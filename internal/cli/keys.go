package cli

import (
	"bytes"
	"io"
	"strings"
	"unicode/utf8"

	"tasks/internal/escape"
)

// A keyReader reads keys for a term.Terminal. All text is given as pasted: of what is typed
// a Terminal takes 4,096 characters. In it control characters are text, too, by stand-ins.
type keyReader struct {
	in    io.Reader
	err   error  // of in
	typed []byte // read, and still to be looked at
	keys  []byte // for the Terminal
	size  int    // of the text since the last line end
	lost  bool   // the paste that is being read is too long, and its beginning dropped
}

const (
	pasteStart = "\x1b[200~" // xterm's bracketed paste
	pasteEnd   = "\x1b[201~"

	maxPaste   = 4 * maxShellLine // of many lines
	longestKey = 64               // no key sends so much
)

// The stand-ins are noncharacters of Unicode, which no text has.
const (
	standInControl = '\ufdd0'     // for NUL, and the next ones for the other control characters
	standInUnknown = '\U0001fffe' // for U+FFFD, which a Terminal takes for an error
	notText        = '\uffff'     // for what is not UTF-8, and for noncharacters
	tooLong        = '\U0001ffff' // for text beyond maxShellLine
	takenBack      = '\ufffe'     // the line of a Ctrl-C
)

// standIn is the character by which a Terminal holds r.
func standIn(r rune) rune {
	switch {
	case r < ' ':
		return standInControl + r
	case r == utf8.RuneError:
		return standInUnknown
	case r >= 0xfdd0 && r <= 0xfdef, r&0xfffe == 0xfffe:
		return notText
	}
	return r
}

// held is text as a Terminal holds it.
func held(text string) string { return strings.Map(standIn, text) }

// released is a line that a Terminal held as text. What is not UTF-8 stays so, for the
// commands to refuse.
func released(line string) (string, error) {
	var b strings.Builder
	for _, r := range line {
		switch {
		case r >= standInControl && r < standInControl+' ':
			b.WriteByte(byte(r - standInControl))
		case r == standInUnknown:
			b.WriteRune(utf8.RuneError)
		case r == notText:
			b.WriteByte(0xff)
		case r == tooLong:
			return "", errLongLine
		case r == takenBack:
			return "", errGivenUp
		default:
			b.WriteRune(r)
		}
	}
	return b.String(), nil
}

// A screen shows what a Terminal writes: control characters, and others that take no
// column, by a picture of one.
type screen struct{ io.Writer }

func (s screen) Write(b []byte) (int, error) {
	_, err := io.WriteString(s.Writer, strings.Map(func(r rune) rune {
		switch {
		case r >= standInControl && r < standInControl+' ':
			return '␀' + r - standInControl
		case r == takenBack:
			return -1
		case r > '~' && escape.Needed(string(r)):
			return utf8.RuneError
		}
		return r
	}, string(b)))
	return len(b), err
}

func (r *keyReader) Read(b []byte) (int, error) {
	for len(r.keys) == 0 {
		if n := r.takeKeys(r.typed); n > 0 {
			r.typed = r.typed[n:]
			continue
		}
		if r.err != nil {
			return 0, r.err
		}
		var more [4096]byte
		n := 0
		n, r.err = r.in.Read(more[:])
		r.typed = append(r.typed, more[:n]...)
	}
	n := copy(b, r.keys)
	r.keys = r.keys[n:]
	return n, nil
}

// takeKeys makes keys of the beginning of what was typed. n is how long that is; 0: its end is
// still to come. A paste is taken as a whole: while a command runs the terminal would cut
// its lines, and act on what is in them.
func (r *keyReader) takeKeys(typed []byte) (n int) {
	switch {
	case len(typed) == 0:
	case bytes.HasPrefix(typed, []byte(pasteStart)):
		text := typed[len(pasteStart):]
		n = bytes.Index(text, []byte(pasteEnd))
		if n < 0 {
			if len(text) > maxPaste {
				r.lost = true
				r.typed = append([]byte(pasteStart), text[len(text)-len(pasteEnd):]...)
			}
			return 0
		}
		if r.lost {
			r.lost, r.size = false, maxShellLine
			r.text(text[:n])
		} else {
			r.paste(text[:n])
		}
		return n + len(pasteStart) + len(pasteEnd)
	case typed[0] == '\x1b':
		n = sequence(typed)
		r.sequence(typed[:n])
	case typed[0] < ' ' || typed[0] == '\x7f':
		n = 1
		r.control(typed[0])
	default:
		if n = bytes.IndexFunc(typed, func(c rune) bool { return c < ' ' || c == '\x7f' }); n < 0 {
			n = len(typed) - unended(typed)
		}
		r.text(typed[:n])
	}
	return n
}

// control presses a key. Ctrl-C would end a Terminal: it empties the line (to its end, delete
// to its beginning), and enters it with a note. NUL is a Ctrl-D: so Linux passes on one that
// was typed before the terminal was raw (n_tty.c).
func (r *keyReader) control(key byte) {
	switch key {
	case '\x03':
		r.keys = append(r.keys, "\x05\x15"+pasteStart+string(takenBack)+pasteEnd+"\r"...)
		r.size = 0
	case 0:
		r.keys = append(r.keys, '\x04')
	case '\r', '\n':
		r.size = 0
		fallthrough
	default:
		r.keys = append(r.keys, key)
	}
}

// paste is text of several lines, which are entered one by one.
func (r *keyReader) paste(text []byte) {
	for len(text) > 0 {
		n := bytes.IndexAny(text, "\r\n")
		if n < 0 {
			r.text(text)
			return
		}
		r.text(text[:n])
		r.control('\r')
		text = bytes.TrimPrefix(text[n:], []byte("\r"))
		text = bytes.TrimPrefix(text, []byte("\n"))
	}
}

func (r *keyReader) text(text []byte) {
	if len(text) == 0 {
		return
	}
	r.keys = append(r.keys, pasteStart...)
	if r.size += len(text); r.size > maxShellLine {
		r.keys = utf8.AppendRune(r.keys, tooLong)
	} else {
		for len(text) > 0 {
			c, n := utf8.DecodeRune(text)
			if c = standIn(c); n == 1 && c == standInUnknown {
				c = notText
			}
			r.keys = utf8.AppendRune(r.keys, c)
			text = text[n:]
		}
	}
	r.keys = append(r.keys, pasteEnd...)
}

// sequence presses a key such as an arrow. Others, such as Alt with a letter, do nothing.
func (r *keyReader) sequence(keys []byte) {
	if n := len(keys); n > 2 && (keys[1] == '[' || keys[1] == 'O') && (keys[n-1] >= '@' && keys[n-1] <= 'Z' || keys[n-1] >= 'a' && keys[n-1] <= 'z' || keys[n-1] == '~') {
		r.keys = append(append(r.keys, "\x1b["...), keys[2:]...)
	}
}

// sequence is the length of the key sequence that b begins with (ECMA-48, and what the
// consoles of Linux and xterm send); 0: its end is still to come.
func sequence(b []byte) int {
	switch {
	case len(b) < 2:
		return 0
	case b[1] < ' ': // the key Esc, and then another
		return 1
	case b[1] != '[' && b[1] != 'O':
		if !utf8.FullRune(b[1:]) {
			return 0
		}
		_, n := utf8.DecodeRune(b[1:])
		return 1 + n
	}
	for i, c := range b[2:min(len(b), longestKey)] {
		switch {
		case c < ' ' || c > '~': // broken off
			return 2 + i
		case c >= '@' && !(i == 0 && c == '['), b[1] == 'O':
			return 3 + i
		}
	}
	if len(b) >= longestKey {
		return longestKey
	}
	return 0
}

// unended is the length of the beginning of a character at the end of text.
func unended(text []byte) int {
	for n := 1; n < utf8.UTFMax && n <= len(text); n++ {
		if last := text[len(text)-n:]; utf8.RuneStart(last[0]) {
			if !utf8.FullRune(last) {
				return n
			}
			break
		}
	}
	return 0
}
