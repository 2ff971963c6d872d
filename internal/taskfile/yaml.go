package taskfile

import (
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/goccy/go-yaml/ast"
	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/parser"
	"github.com/goccy/go-yaml/token"
)

// What a file may ask of the parser, whose time grows with the square of some,
// and of us: an alias can stand for much.
const (
	maxTokens = 50_000
	maxDepth  = 50
	maxMerged = 100_000 // keys that << takes in
)

// document is what the file holds, which may have problems; nil if there is none.
func (s *source) document() *node {
	if !s.legible() {
		return nil
	}
	file := s.ast()
	if file == nil {
		return nil
	}
	b := builder{source: s, anchors: make(map[string]*node)}
	var root *node
	for _, doc := range file.Docs {
		if doc.Body == nil || doc.Body.Type() == ast.DirectiveType {
			continue
		}
		if root != nil {
			s.report(place(doc.Body), "a second document begins here: one file has one")
			return nil
		}
		root = b.node(doc.Body, 0)
	}
	if b.lost {
		return nil
	}
	if root == nil {
		root = &node{pos: pos{1, 1}}
	}
	return root
}

func (s *source) legible() bool {
	for i, line := range s.lines {
		if at := illegible(line); at >= 0 {
			s.report(pos{i + 1, 1 + utf8.RuneCountInString(line[:at])}, "this is not UTF-8 text")
			return false
		}
	}
	return true
}

// ast is what the library makes of the text; nil where it makes nothing.
func (s *source) ast() (file *ast.File) {
	// Foreign bytes must not end the program, whatever the library thinks of them.
	defer func() {
		if recover() != nil {
			s.report(pos{1, 1}, "cannot make sense of this as YAML")
			file = nil
		}
	}()
	tokens := lexer.Tokenize(s.text)
	if len(tokens) > maxTokens {
		s.report(tokenPos(tokens[maxTokens]), "the file is too long: it has more than %d words and signs", maxTokens)
		return nil
	}
	depth, run := 0, 0
	var last token.Type
	for _, t := range tokens {
		switch t.Type {
		case token.SequenceStartType, token.MappingStartType:
			depth++
		case token.SequenceEndType, token.MappingEndType:
			depth--
		}
		switch {
		case t.Type == token.SequenceEntryType, t.Type == token.MappingKeyType, t.Type == token.AnchorType, t.Type == token.TagType:
			run++
		case last != token.AnchorType: // whose name is a token
			run = 0
		}
		last = t.Type
		if depth > maxDepth || run > maxDepth {
			s.report(tokenPos(t), "this is nested too deeply")
			return nil
		}
	}
	tokens, ok := s.joined(tokens)
	if !ok || !s.scalars(tokens) {
		return nil
	}
	file, err := parser.Parse(tokens, 0, parser.AllowDuplicateMapKey())
	if err == nil {
		return file
	}
	at, msg, hint := pos{1, 1}, err.Error(), ""
	if e, ok := err.(interface {
		GetToken() *token.Token
		GetMessage() string
	}); ok {
		at, msg = tokenPos(e.GetToken()), e.GetMessage()
		if isReference(e.GetToken()) {
			hint = ": in { } and [ ], put a value with ${…} in quotes"
		}
	}
	text := quotedText().ReplaceAllString(msg, `"…"`)
	for _, says := range syntax {
		if strings.HasPrefix(msg, says.parser) {
			text = says.people
		}
	}
	s.report(at, "%s%s", text, hint)
	return nil
}

// syntax is what the parser says, by how that begins, and what it means for people.
var syntax = []struct{ parser, people string }{
	{"found character '\t' that cannot start any token", "a line begins with a tab: indent with blanks"},
	{"value is not allowed in this context", "the indentation of this does not fit the lines before it"},
	{"mapping value is not allowed in this context", "a second \": \" on a line: put the text that it is in in quotes"},
	{"could not find flow mapping end token", "the { is not closed: a } is missing"},
	{"could not find flow sequence end token", "the [ is not closed: a ] is missing"},
	{"',' or '}' must be specified", "a , or the } is missing before this"},
	{"',' or ']' must be specified", "a , or the ] is missing before this"},
	{"could not find end character of double-quoted text", "the \" is not closed"},
	{"could not find end character of single-quoted text", "the ' is not closed"},
	{"'@' is a reserved character", "no text begins with @: put it in quotes"},
	{"'`' is a reserved character", "no text begins with `: put it in quotes"},
}

// isReference reports whether t is the brace of a ${NAME} without quotes, where YAML
// begins a mapping.
func isReference(t *token.Token) bool {
	return t != nil && t.Type == token.MappingStartType && t.Prev != nil && t.Prev.Type == token.StringType && strings.HasSuffix(t.Prev.Value, "$")
}

// quotedText is what messages quote, of more than one character.
var quotedText = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`"(\\.|[^"\\]){2,}"`)
})

func tokenPos(t *token.Token) pos {
	if t == nil || t.Position == nil {
		return pos{1, 1}
	}
	return pos{t.Position.Line, t.Position.Column}
}

func place(n ast.Node) pos {
	switch n := n.(type) {
	case *ast.MappingNode:
		if !n.IsFlowStyle && len(n.Values) > 0 {
			return place(n.Values[0])
		}
	case *ast.MappingValueNode:
		return place(n.Key)
	}
	return tokenPos(n.GetToken())
}

// A builder makes nodes of the library's, with each alias in its place.
type builder struct {
	*source
	anchors map[string]*node
	merged  int
	lost    bool // something is not there that the rest would miss
}

// lose reports a problem after which the rest makes no sense.
func (b *builder) lose(at pos, format string, args ...any) *node {
	b.lost = true
	b.report(at, format, args...)
	return &node{pos: at}
}

func (b *builder) node(n ast.Node, depth int) *node {
	if n == nil {
		return &node{}
	}
	at := place(n)
	if depth > maxDepth {
		return b.lose(at, "this is nested too deeply")
	}
	scalar := func(k kind) *node { return &node{pos: at, kind: k, text: n.GetToken().Value} }
	switch n := n.(type) {
	case *ast.NullNode:
		return scalar(isNull)
	case *ast.StringNode:
		return &node{pos: at, kind: isText, text: n.Value}
	case *ast.LiteralNode:
		return &node{pos: at, kind: isText, text: n.Value.Value}
	case *ast.IntegerNode:
		return scalar(isInt)
	case *ast.FloatNode, *ast.InfinityNode, *ast.NanNode:
		return scalar(isNumber)
	case *ast.BoolNode:
		return scalar(isBool)
	case *ast.MappingNode:
		return b.mapping(at, n.Values, n.IsFlowStyle, depth)
	case *ast.MappingValueNode:
		return b.mapping(at, []*ast.MappingValueNode{n}, n.IsFlowStyle, depth)
	case *ast.SequenceNode:
		l := &node{pos: at, kind: isList}
		for _, v := range n.Values {
			item := b.node(v, depth+1)
			if !n.IsFlowStyle {
				b.indented(at, item)
			}
			l.items = append(l.items, item)
		}
		return l
	case *ast.AnchorNode:
		v := b.node(n.Value, depth+1)
		b.anchors[n.Name.GetToken().Value] = v
		return v
	case *ast.AliasNode:
		name := n.Value.GetToken().Value
		v, ok := b.anchors[name]
		if !ok {
			return b.lose(at, "there is no anchor of this alias before it: put a text that begins with * in quotes")
		}
		return v
	case *ast.TagNode:
		v := b.node(n.Value, depth+1)
		if tag := n.Start.Value; tag != "!!str" || v.kind > isBool || v.kind == isNull {
			b.report(at, "this tag is not supported here: put a text that begins with ! in quotes")
		}
		return &node{pos: v.pos, kind: isText, text: v.text}
	case *ast.MappingKeyNode:
		return b.node(n.Value, depth+1)
	}
	return b.lose(at, "a %s is not supported here", strings.ToLower(n.Type().String()))
}

// indented reports a value in a line below its key or dash that begins no further right.
func (b *builder) indented(under pos, val *node) {
	if val.kind != isNull && val.line > under.line && val.col <= under.col {
		b.report(val.pos, "put this further to the right than what it belongs to")
	}
}

// mapping has the pairs of values, and after them what << takes in beside them.
func (b *builder) mapping(at pos, values []*ast.MappingValueNode, flow bool, depth int) *node {
	m := &node{pos: at, kind: isMap}
	seen := make(map[string]pos)
	var merge []*node
	for _, v := range values {
		if v.Key.IsMergeKey() {
			if merge = append(merge, b.node(v.Value, depth+1)); len(merge) > 1 {
				b.report(place(v.Key), "duplicate key \"<<\": give one with a list, as <<: [*a, *b]")
			}
			continue
		}
		key, val := b.node(v.Key, depth+1), b.node(v.Value, depth+1)
		if !flow && val.kind != isList {
			b.indented(place(v.Key), val)
		}
		if key.kind == isList || key.kind == isMap {
			b.report(key.pos, "a key is a text, not %s", key.kind)
			continue
		}
		if first, twice := seen[key.text]; twice {
			b.report(key.pos, "duplicate key %q: it is in line %d already", shown(key.text), first.line)
			continue
		}
		seen[key.text] = key.pos
		m.pairs = append(m.pairs, pair{key, val})
	}
	for _, from := range merge {
		sources := from.items
		if from.kind != isList {
			sources = []*node{from}
		}
		for _, src := range sources {
			if src.kind != isMap {
				b.lose(src.pos, "<< takes in a mapping, not %s", src.kind)
			}
			if b.merged += len(src.pairs) + 1; b.merged > maxMerged {
				b.lose(at, "<< takes in too much")
				return m
			}
			for _, p := range src.pairs {
				if _, own := seen[p.key.text]; !own {
					seen[p.key.text] = p.key.pos
					m.pairs = append(m.pairs, p)
				}
			}
		}
	}
	return m
}

// whole is the number that a scalar is written as.
func whole(s string) (int, error) {
	if f, err := strconv.ParseFloat(s, 64); err == nil && f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return int(f), nil
	}
	i, err := strconv.ParseInt(strings.ReplaceAll(s, "_", ""), 0, 64)
	if err != nil {
		return 0, fmt.Errorf("%q is not an integer", s)
	}
	return int(i), nil
}
