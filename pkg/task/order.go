package task

import (
	"cmp"
	"strings"
)

// CompareNames is the order of names wherever several are listed: numbers in them
// count as numbers, so that job-2 comes before job-10; ties are broken by bytes.
func CompareNames(a, b string) int {
	for x, y := a, b; ; {
		same := 0 // bytes, up to the number in which the first difference is
		for same < len(x) && same < len(y) && x[same] == y[same] {
			same++
		}
		for same > 0 && isDigit(x[same-1]) {
			same--
		}
		x, y = x[same:], y[same:]
		m, n := digits(x), digits(y)
		if m == 0 || n == 0 {
			return cmp.Or(strings.Compare(x, y), strings.Compare(a, b))
		}
		v, w := strings.TrimLeft(x[:m], "0"), strings.TrimLeft(y[:n], "0")
		if c := cmp.Or(cmp.Compare(len(v), len(w)), strings.Compare(v, w)); c != 0 {
			return c
		}
		x, y = x[m:], y[n:]
	}
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// digits is how many s begins with.
func digits(s string) int {
	n := 0
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	return n
}
