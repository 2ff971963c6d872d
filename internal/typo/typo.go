// Package typo finds the word that was meant.
package typo

import "strings"

// Nearest is the one of known that word is a slip of, or "": one edit away, from six
// letters on two. Words of two letters are never meant, nor are names that differ in the
// number at their end alone.
func Nearest(word string, known []string) (nearest string) {
	limit := 1
	switch n := len(word); {
	case n <= 2:
		return ""
	case n >= 6:
		limit = 2
	}
	best := limit + 1
	for _, name := range known {
		if len(name) <= 2 || sameButDigits(name, word) {
			continue
		}
		if d := edits(word, name, limit); d < best {
			best, nearest = d, name
		}
	}
	return nearest
}

// sameButDigits tells web-1 and web-2, which are two names and no slip.
func sameButDigits(a, b string) bool {
	const digits = "0123456789"
	return strings.TrimRight(a, digits) == strings.TrimRight(b, digits)
}

// edits is the number of letters to insert, drop, replace or swap with their
// neighbour that makes a of b; limit+1 where it is more than limit.
func edits(a, b string, limit int) int {
	if d := len(a) - len(b); d > limit || -d > limit {
		return limit + 1
	}
	before, row := make([]int, len(b)+1), make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	older := make([]int, len(b)+1)
	for i := 1; i <= len(a); i++ {
		older, before, row = before, row, older
		row[0] = i
		for j := 1; j <= len(b); j++ {
			cost := 1
			if a[i-1] == b[j-1] {
				cost = 0
			}
			row[j] = min(before[j]+1, row[j-1]+1, before[j-1]+cost)
			if i > 1 && j > 1 && a[i-1] == b[j-2] && a[i-2] == b[j-1] {
				row[j] = min(row[j], older[j-2]+1)
			}
		}
	}
	return min(row[len(b)], limit+1)
}
