package cli

import (
	"cmp"
	"slices"
	"strings"
)

// A layout says how a wide table becomes one that fits a terminal, by the heads of
// its columns. What holds nothing in any row is left out first.
type layout struct {
	paths []string       // shortened in the middle
	texts []string       // then shortened at their ends
	zero  []string       // in which 0 is nothing
	drop  []string       // left out if that is not enough, in this order
	least map[string]int // how short some texts become before a column is left out for them
}

// How short a path and a text may become.
const (
	minPath = 16
	minText = 12
)

// printFitted prints a table, on a terminal no wider than that is. What had no place is
// named in a remark.
func (p *printer) printFitted(l layout, head []string, rows [][]string) error {
	width := p.terminal()
	if width == 0 {
		return p.printTable(head, rows)
	}
	escapeCells(rows)
	head, rows, left := l.fit(head, rows, width)
	if err := p.printRows(head, rows, width); err != nil || len(left) == 0 {
		return err
	}
	text := "the terminal is too narrow for " + strings.Join(left, ", ")
	if shown(text) > width {
		text = cut(text, width-1) + "…"
	}
	p.remark("%s", text)
	return nil
}

// fit returns the table as it fits, and the heads of the columns that had no place.
func (l layout) fit(head []string, rows [][]string, width int) (newHead []string, newRows [][]string, left []string) {
	var keep []int // indexes of columns
	for i := range head {
		if !l.empty(head[i], rows, i) {
			keep = append(keep, i)
		}
	}
	wide := make([]int, len(head))
	for _, i := range keep {
		wide[i] = shown(head[i])
		for _, row := range rows {
			wide[i] = max(wide[i], shown(row[i]))
		}
	}
	excess := func() int {
		sum := -2 - width
		for _, i := range keep {
			sum += wide[i] + 2
		}
		return sum
	}
	// spare is what the columns can be shortened by, those with a least of their own to that.
	spare := func(heads []string, short int, least map[string]int) (sum int) {
		for _, i := range keep {
			if slices.Contains(heads, head[i]) {
				sum += max(wide[i]-max(least[head[i]], short), 0)
			}
		}
		return sum
	}
	for _, name := range l.drop {
		least := l.least
		if least[name] > 0 { // better short than left out
			least = nil
		}
		if excess() <= spare(l.paths, minPath, nil)+spare(l.texts, minText, least) {
			break
		}
		if at := slices.IndexFunc(keep, func(i int) bool { return head[i] == name }); at >= 0 {
			keep, left = slices.Delete(keep, at, at+1), append(left, name)
		}
	}
	for _, short := range []struct {
		heads []string
		least func(i int) int
	}{
		{l.paths, func(int) int { return minPath }},
		{l.texts, func(i int) int { return cmp.Or(l.least[head[i]], minText) }},
		{l.texts, func(int) int { return minText }},
	} {
		var columns []int
		for _, i := range keep {
			if slices.Contains(short.heads, head[i]) {
				columns = append(columns, i)
			}
		}
		shrink(wide, columns, short.least, excess())
	}
	newRows = make([][]string, len(rows))
	for _, i := range keep {
		newHead = append(newHead, head[i])
		for r, row := range rows {
			cell := row[i]
			switch {
			case shown(cell) <= wide[i]:
			case slices.Contains(l.paths, head[i]):
				cell = cutMiddle(cell, wide[i])
			default:
				cell = cut(cell, wide[i]-1) + "…"
			}
			newRows[r] = append(newRows[r], cell)
		}
	}
	return newHead, newRows, left
}

// empty reports whether a column has nothing in any row.
func (l layout) empty(head string, rows [][]string, column int) bool {
	for _, row := range rows {
		if row[column] != "-" && !(row[column] == "0" && slices.Contains(l.zero, head)) {
			return false
		}
	}
	return len(rows) > 0
}

// shrink takes that much from the widths of columns, from the widest first, and leaves each
// its least.
func shrink(wide, columns []int, least func(int) int, by int) {
	for ; by > 0; by-- {
		widest := -1
		for _, i := range columns {
			if wide[i] > least(i) && (widest < 0 || wide[i] > wide[widest]) {
				widest = i
			}
		}
		if widest < 0 {
			return
		}
		wide[widest]--
	}
}

// cutMiddle keeps n columns of s, without colours, of both its ends: a path says most
// at its end.
func cutMiddle(s string, n int) string {
	head := cut(s, (n-1)/3)
	tail := n - 1 - shown(head)
	runes := []rune(s)
	at := len(runes)
	for at > 0 && tail-columnsOf(runes[at-1]) >= 0 {
		at--
		tail -= columnsOf(runes[at])
	}
	return head + "…" + string(runes[at:])
}
