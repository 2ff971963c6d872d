package taskfile

import "path/filepath"

// resolved is path without symlinks, or path itself where it leads to no file, as
// that of a pipe.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}
