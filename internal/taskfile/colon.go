package taskfile

import (
	"strings"

	"github.com/goccy/go-yaml/token"
)

// joined puts together the texts that the library cuts at a colon in { }. In YAML a colon ends
// a key only before a blank, a comma or a bracket, or behind quotes.
func (s *source) joined(tokens token.Tokens) (all token.Tokens, ok bool) {
	var open []token.Type // brackets and braces
	for i := 0; i < len(tokens); i++ {
		t := tokens[i]
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			open = append(open, t.Type)
		case token.SequenceEndType, token.MappingEndType:
			open = open[:max(0, len(open)-1)]
		case token.MappingValueType:
			if len(open) == 0 || i+1 == len(tokens) || !isWithin(t, all, tokens[i+1]) {
				break
			}
			before, after := all[len(all)-1], tokens[i+1]
			if open[len(open)-1] == token.MappingStartType {
				s.report(tokenPos(t), "put a blank after this colon, or the text in quotes")
				return nil, false
			}
			if !isPlain(after) {
				s.report(tokenPos(before), "in { } and [ ], put a text with a colon in quotes")
				return nil, false
			}
			all[len(all)-1] = join(before, after)
			i++
			continue
		}
		all = append(all, t)
	}
	return all, true
}

// isWithin reports whether a colon is in the middle of a text without quotes.
func isWithin(colon *token.Token, before token.Tokens, after *token.Token) bool {
	if len(before) == 0 {
		return false
	}
	text := before[len(before)-1]
	return isPlain(text) && isScalar(text) && !strings.ContainsAny(colon.Origin, " \t\n") &&
		after.Origin != "" && !strings.ContainsAny(after.Origin[:1], " \t\n,[]{}")
}

// join is a text of what stands before a colon and behind it.
func join(before, after *token.Token) *token.Token {
	t := *before
	t.Type = token.StringType
	t.Origin = before.Origin + ":" + after.Origin
	t.Value = strings.Trim(t.Origin, " \t\n")
	if t.Prev != nil {
		t.Prev.Next = &t
	}
	if t.Next = after.Next; t.Next != nil {
		t.Next.Prev = &t
	}
	return &t
}
