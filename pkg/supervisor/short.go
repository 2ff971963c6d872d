package supervisor

import (
	"path/filepath"
	"slices"
	"strings"

	"tasks/pkg/task"
)

// shortNames are the names of tasks without their project, by these the full ones: of the
// tasks files in dir, or in directories above: the nearest counts. A file's project
// is what the names of all its tasks begin with.
func shortNames(infos []*task.Info, dir string) map[string]string {
	if dir == "" {
		return nil
	}
	byFile := make(map[string][]string)
	for _, t := range infos {
		if above := filepath.Dir(t.Spec.File); t.Spec.File != "" && (dir == above || strings.HasPrefix(dir, strings.TrimSuffix(above, "/")+"/")) {
			byFile[t.Spec.File] = append(byFile[t.Spec.File], t.Name)
		}
	}
	var files []string
	for file := range byFile {
		files = append(files, file)
	}
	slices.SortFunc(files, func(a, b string) int { // the nearest first
		if d := len(filepath.Dir(b)) - len(filepath.Dir(a)); d != 0 {
			return d
		}
		return strings.Compare(a, b)
	})
	full := make(map[string]string)
	for _, file := range files {
		names := byFile[file]
		for at, c := range names[0] {
			prefix := names[0][:at+1]
			if c != '.' || slices.ContainsFunc(names, func(name string) bool { return !strings.HasPrefix(name, prefix) }) {
				continue
			}
			for _, name := range names {
				if short := name[len(prefix):]; full[short] == "" {
					full[short] = name
				}
			}
		}
	}
	return full
}
