package taskfile

import "path/filepath"

// resolved is path without symlinks, or path itself if it leads to no file, as a pipe's
// does.
func resolved(path string) string {
	if real, err := filepath.EvalSymlinks(path); err == nil {
		return real
	}
	return path
}
