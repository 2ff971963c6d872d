// Package escape shows text of others so that a terminal only prints it: control
// characters, format characters such as the ones for right-to-left text, line and paragraph
// separators, and bytes that are not UTF-8 become text such as \x1b and \u202e.
//
// What this program itself has to say to a terminal, colours for one, is a
// [Sequence]: nobody else can write one.
package escape

import (
	"crypto/rand"
	"encoding/binary"
	"strconv"
	"strings"
	"sync"
	"unicode"
	"unicode/utf16"
	"unicode/utf8"
)

// head begins each sequence of this process, with a number that nobody else
// knows: what knows colours, such as a table library, takes it for one.
var head = sync.OnceValue(func() string {
	var b [8]byte
	rand.Read(b[:])
	return introducer + strconv.FormatUint(binary.LittleEndian.Uint64(b[:]), 10) + ";"
})

const introducer = "\x1b["

// longest is how long the body of a sequence may be.
const longest = 48

// Sequence is the control sequence ESC [ body, such as 31m for body, for a [Writer] to pass
// on.
func Sequence(body string) string { return head() + body }

// Return is a carriage return for a [Writer] to pass on: what follows is written
// over the line.
func Return() string { return Sequence("\r") }

// ours is how long the sequence at the beginning of s is: 0 where there is none,
// -1 where s may be its beginning.
func ours[T string | []byte](s T) int {
	if len(s) == 0 || s[0] != introducer[0] {
		return 0
	}
	head := head()
	n := min(len(s), len(head))
	if string(s[:n]) != head[:n] {
		return 0
	}
	for i := len(head); i < min(len(s), len(head)+longest); i++ {
		if c := s[i]; c >= '@' && c <= '~' || c == '\r' && i == len(head) {
			return i + 1
		} else if c != ';' && c != ':' && (c < '0' || c > '9') {
			return 0
		}
	}
	if len(s) >= len(head)+longest {
		return 0
	}
	return -1
}

// Length is how long the [Sequence] at the beginning of s is, in bytes; 0: there
// is none.
func Length(s string) int { return max(0, ours(s)) }

// shows reports whether a terminal prints r, and does nothing else.
func shows(r rune) bool {
	if r < utf8.RuneSelf {
		return r >= ' ' && r != 0x7f
	}
	return !unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp)
}

// Needed reports whether there is something in s to escape.
func Needed(s string) bool {
	return !utf8.ValidString(s) || strings.ContainsFunc(s, func(r rune) bool { return !shows(r) })
}

// String escapes all of s, line ends and tabs too: what it returns is of one line.
func String(s string) string {
	if !Needed(s) {
		return s
	}
	return string(appendText(nil, []byte(s), func(rune) bool { return false }))
}

// Cell is [String] of a text in which sequences may stand, such as a word with its
// colour.
func Cell(s string) string {
	if !Needed(s) {
		return s
	}
	var b []byte
	for s != "" {
		if n := ours(s); n > 0 {
			b, s = append(b, s[:n]...), s[n:]
			continue
		}
		next := strings.Index(s[1:], introducer) + 1
		if next == 0 {
			next = len(s)
		}
		b, s = appendText(b, []byte(s[:next]), func(rune) bool { return false }), s[next:]
	}
	return string(b)
}

// JSON escapes what is in the strings of a JSON text; it stays the same value.
func JSON(text []byte) []byte {
	if !Needed(strings.ReplaceAll(string(text), "\n", "")) {
		return text
	}
	var b []byte
	for _, r := range string(text) {
		switch high, low := utf16.EncodeRune(r); {
		case r == '\n' || shows(r):
			b = utf8.AppendRune(b, r)
		case high != unicode.ReplacementChar:
			b = append(b, `\u`+strconv.FormatInt(int64(high), 16)+`\u`+strconv.FormatInt(int64(low), 16)...)
		default:
			b = append(b, `\u`+strconv.FormatInt(0x10000+int64(r), 16)[1:]...)
		}
	}
	return b
}

// appendText appends the text, and escapes all but the characters that keep names.
func appendText(b, text []byte, keep func(rune) bool) []byte {
	for len(text) > 0 {
		r, size := utf8.DecodeRune(text)
		switch {
		case r == utf8.RuneError && size == 1:
			b = append(b, `\x`...)
			b = append(b, "0123456789abcdef"[text[0]>>4], "0123456789abcdef"[text[0]&15])
		case shows(r) || keep(r):
			b = append(b, text[:size]...)
		default:
			quoted := strconv.AppendQuoteRuneToASCII(nil, r)
			b = append(b, quoted[1:len(quoted)-1]...)
		}
		text = text[size:]
	}
	return b
}
