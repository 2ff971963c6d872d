// Package home expands a leading ~ of paths that no shell has seen: those in
// files, in variables and after the = of a flag.
package home

import (
	"fmt"
	"path/filepath"
	"strings"
)

// Expand is path with the home directory in place of ~ before a slash or by
// itself. The ~NAME of a shell is refused, as NAME's home is not known here.
func Expand(path, home string) (string, error) {
	rest, ok := strings.CutPrefix(path, "~")
	switch {
	case !ok:
		return path, nil
	case rest != "" && rest[0] != '/':
		return "", fmt.Errorf("%s: only ~/ stands for a home directory: use the whole path, or ./%s for a file of that name", path, path)
	case !filepath.IsAbs(home):
		return "", fmt.Errorf("%s: HOME is not set: use the whole path", path)
	}
	return filepath.Clean(home + rest), nil
}
