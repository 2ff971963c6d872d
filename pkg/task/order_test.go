package task

import (
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
)

func TestCompareNames(t *testing.T) {
	t.Parallel()
	sorted := []string{
		"1", "2", "10", "10a", "A", "a", "a.1", "a.1.2", "a.1.10", "a.02", "a.2", "a.2b", "a0", "a1", "a01b", "a1b", "a2",
		"a99999999999999999999998", "a99999999999999999999999", "b", "job", "job-1", "job-2", "job-2-x", "job-10", "job-x", "web", "web1@2", "web1@10",
	}
	slices.Sort(sorted[14:16])
	mixed := slices.Clone(sorted)
	rand.Shuffle(len(mixed), func(i, j int) { mixed[i], mixed[j] = mixed[j], mixed[i] })
	if slices.SortFunc(mixed, CompareNames); !slices.Equal(mixed, sorted) {
		t.Errorf("sorted: %q", mixed)
	}
}

// It is an order: without one a list would look different each time.
func TestCompareNamesIsAnOrder(t *testing.T) {
	t.Parallel()
	letters := "019a-"
	random := func() string {
		var b strings.Builder
		for range rand.IntN(6) {
			b.WriteByte(letters[rand.IntN(len(letters))])
		}
		return b.String()
	}
	for range 200_000 {
		a, b, c := random(), random(), random()
		ab, bc, ac := CompareNames(a, b), CompareNames(b, c), CompareNames(a, c)
		if ab != -CompareNames(b, a) || (ab == 0) != (a == b) || ab <= 0 && bc <= 0 && ac > 0 {
			t.Fatalf("%q, %q, %q: %d, %d, %d", a, b, c, ab, bc, ac)
		}
	}
}
