package taskfile

import "slices"

// kind is what a node is.
type kind int

const (
	isNull kind = iota
	isText
	isInt
	isNumber
	isBool
	isList
	isMap
)

func (k kind) String() string {
	return [...]string{"nothing", "a text", "a whole number", "a number", "true or false", "a list", "a mapping"}[k]
}

// A node is a value of a file, and where it is.
type node struct {
	pos
	kind  kind
	text  string  // of a scalar, as it is written, without its quotes
	items []*node // of a list
	pairs []pair  // of a mapping, each key once
}

type pair struct{ key, val *node }

// at is the place of the value, or of the key where there is no value.
func (p pair) at() pos {
	if p.val.kind == isNull {
		return p.key.pos
	}
	return p.val.pos
}

func (n *node) get(key string) (pair, bool) {
	i := slices.IndexFunc(n.pairs, func(p pair) bool { return p.key.text == key })
	if i < 0 {
		return pair{}, false
	}
	return n.pairs[i], true
}

// keys are those of a mapping.
func (n *node) keys() []string {
	var keys []string
	for _, p := range n.pairs {
		keys = append(keys, p.key.text)
	}
	return keys
}
