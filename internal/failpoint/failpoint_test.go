package failpoint

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// The program passes each point at one place, and no other.
func TestPoints(t *testing.T) {
	t.Parallel()
	at := regexp.MustCompile(`\bfailpoint\.At\("(.*?)"\)`)
	var used []string
	err := filepath.WalkDir("../..", func(path string, e fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") {
			return err
		}
		b, err := os.ReadFile(path)
		for _, m := range at.FindAllStringSubmatch(string(b), -1) {
			used = append(used, m[1])
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	slices.Sort(used)
	want := slices.Sorted(slices.Values(Points))
	if !slices.Equal(used, want) {
		t.Errorf("the program passes %q, the list has %q", used, want)
	}
}
