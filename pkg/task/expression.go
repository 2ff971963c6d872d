package task

import (
	"errors"
	"fmt"
	"regexp"
	"regexp/syntax"
)

// The bounds of an expression that lines are matched with. A short one can be
// expanded to millions of instructions, and each byte of a line is looked at by all.
const (
	MaxExpression   = 1 << 10 // bytes of text
	MaxInstructions = 2000    // of the program it is compiled to: a KiB without counts has fewer
)

// CompileExpression is [regexp.Compile] within the bounds, which are checked before
// anything is made of the text.
func CompileExpression(text string) (*regexp.Regexp, error) {
	if len(text) > MaxExpression {
		return nil, fmt.Errorf("it has %d bytes: give %d or fewer", len(text), MaxExpression)
	}
	tree, err := syntax.Parse(text, syntax.Perl)
	if err != nil {
		var bad *syntax.Error
		if errors.As(err, &bad) { // whose text quotes the expression as it is
			err = errors.New(bad.Code.String())
		}
		return nil, err
	}
	if instructions(tree) > MaxInstructions {
		return nil, fmt.Errorf("it is expanded to more than %d instructions: use smaller counts such as {1,100}", MaxInstructions)
	}
	return regexp.Compile(text)
}

// instructions is how many tree is compiled to, at most, with each x{n} written out.
func instructions(tree *syntax.Regexp) int {
	n := 0
	for _, sub := range tree.Sub {
		n += instructions(sub)
	}
	switch tree.Op {
	case syntax.OpConcat:
		return n
	case syntax.OpAlternate:
		return n + len(tree.Sub) - 1
	case syntax.OpCapture, syntax.OpStar:
		return n + 2
	case syntax.OpLiteral:
		return max(1, len(tree.Rune))
	case syntax.OpRepeat:
		if tree.Max != tree.Min { // each may be left out
			n++
		}
		return n*max(1, tree.Min, tree.Max) + 1
	}
	return n + 1
}
