package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/internal/deps"
	"tasks/internal/taskfile"
	"tasks/internal/typo"
	"tasks/pkg/task"
)

// fileFlag is the flag that names a tasks file.
type fileFlag struct{ path string }

func (f *fileFlag) flags(fl *pflag.FlagSet) {
	fl.StringVarP(&f.path, "file", "f", "", "the tasks `FILE` (default: tasks.yaml, else Procfile, here or in the nearest directory above)")
	fl.SetAnnotation("file", cobra.BashCompFilenameExt, []string{"yaml", "yml"})
}

// load reads the file that was named, or is found, for tasks with this environment.
func (f *fileFlag) load(environ []string) (*taskfile.File, error) {
	if f.path == "" {
		found, err := nearestFile()
		if err != nil {
			return nil, usageError{err}
		}
		return found.Load(environ)
	}
	path, err := homePath("file", f.path)
	if err != nil {
		return nil, err
	}
	if path, err = filepath.Abs(path); err != nil {
		return nil, err
	}
	return taskfile.Load(path, environ)
}

// nearestFile is the tasks file of this directory; the error is a [task.ErrNotFound] where
// there is none that counts.
func nearestFile() (*taskfile.Found, error) {
	wd, err := os.Getwd()
	if err != nil {
		return nil, task.Errorf(task.ErrNotFound, "", "cannot find this directory: %v: name a file with -f", err)
	}
	return taskfile.Find(wd)
}

// complete offers the names that the file has.
func (f *fileFlag) complete(_ *cobra.Command, args []string, toComplete string) ([]string, cobra.ShellCompDirective) {
	file, err := f.load(os.Environ())
	if err != nil {
		return nil, cobra.ShellCompDirectiveNoFileComp
	}
	var names []string
	for _, s := range file.Tasks {
		if strings.HasPrefix(s.Name, toComplete) && !slices.Contains(args, s.Name) {
			names = append(names, s.Name)
		}
	}
	return names, cobra.ShellCompDirectiveNoFileComp
}

func newSchema(e *env) *cobra.Command {
	return &cobra.Command{
		Use:         "schema",
		Short:       "Print the JSON Schema of tasks.yaml, for editors",
		Example:     "  tasks schema > tasks.schema.json\n  # in tasks.yaml:\n  # yaml-language-server: $schema=tasks.schema.json",
		Annotations: map[string]string{"prints": "text"},
		Args:        noArgs,
		RunE: func(*cobra.Command, []string) error {
			_, err := e.out.Write(taskfile.Schema())
			return err
		},
	}
}

// inFile is the name that name has in the file, where its project may be left out.
func inFile(file *taskfile.File, name string) (string, bool) {
	for _, full := range []string{name, file.Project + "." + name} {
		if slices.ContainsFunc(file.Tasks, func(s task.Spec) bool { return s.Name == full }) {
			return full, true
		}
	}
	return "", false
}

// allInFile is inFile of all names, with an error for each that the file does not have.
func allInFile(file *taskfile.File, names []string) (full []string, err error) {
	for _, name := range names {
		if found, ok := inFile(file, name); ok {
			full = append(full, found)
		} else {
			like := ""
			if near := typo.Nearest(name, bothNames(file)); near != "" {
				like = fmt.Sprintf(" (did you mean %s?)", near)
			}
			err = joined(err, task.Errorf(task.ErrNotFound, name, "No such task: %s: %s does not have it%s", name, file.Path, like))
		}
	}
	return full, err
}

// bothNames are those of the file's tasks, with the project and without.
func bothNames(file *taskfile.File) (names []string) {
	for _, s := range file.Tasks {
		names = append(names, s.Name)
		if short, ok := strings.CutPrefix(s.Name, file.Project+"."); ok {
			names = append(names, short)
		}
	}
	return names
}

// only narrows the file to the tasks named, if any are, what they come after, and the
// groups of all these.
func only(file *taskfile.File, names []string) error {
	if len(names) == 0 {
		return nil
	}
	full, err := allInFile(file, names)
	if err != nil {
		return err
	}
	wanted := make(map[string]bool)
	for _, name := range full {
		wanted[name] = true
	}
	for i := len(file.Tasks) - 1; i >= 0; i-- { // they are in the order of their dependencies
		if s := &file.Tasks[i]; wanted[s.Name] {
			for _, dep := range deps.Of(s) {
				wanted[dep] = true
			}
		}
	}
	file.Tasks = slices.DeleteFunc(file.Tasks, func(s task.Spec) bool { return !wanted[s.Name] })
	groups := make(map[string]bool)
	for i := range file.Tasks {
		groups[file.Tasks[i].Group] = true
	}
	file.Groups = slices.DeleteFunc(file.Groups, func(g task.Group) bool { return !groups[g.Name] })
	return nil
}

func namesOf(specs []task.Spec) []string {
	names := make([]string, len(specs))
	for i := range specs {
		names[i] = specs[i].Name
	}
	return names
}
