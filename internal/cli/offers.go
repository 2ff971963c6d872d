package cli

import (
	"bytes"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"

	"github.com/spf13/cobra"

	"tasks/internal/escape"
	"tasks/internal/home"
	"tasks/internal/safeopen"
)

// offers is what the last of the words of a line may become: what the completion scripts
// of shells are offered, and files, which are theirs to find.
func (e *env) offers(s *session, words []string) []string {
	words = withoutTasks(words)
	word := words[len(words)-1]
	var out bytes.Buffer
	l := e.forLine(s)
	l.out, l.err = &out, io.Discard
	l.run(append([]string{cobra.ShellCompNoDescRequestCmd}, words...))
	l.close()
	lines := strings.Split(strings.TrimSpace(out.String()), "\n")
	last := len(lines) - 1
	n, err := strconv.Atoi(strings.TrimPrefix(lines[last], ":"))
	directive := cobra.ShellCompDirective(n)
	if err != nil || directive&cobra.ShellCompDirectiveError != 0 {
		return nil
	}
	flag := "" // before its value, which is offered alone
	if strings.HasPrefix(word, "-") {
		flag = word[:strings.IndexByte(word, '=')+1]
		word = word[len(flag):]
	}
	return prefixed(flag, valuesFor(word, lines[:last], directive))
}

// valuesFor are the offers for word, or files if the directive says so.
func valuesFor(word string, offers []string, directive cobra.ShellCompDirective) []string {
	switch {
	case directive&cobra.ShellCompDirectiveFilterDirs != 0:
		return filesFor(word, func(entry os.DirEntry) bool { return entry.IsDir() })
	case directive&cobra.ShellCompDirectiveFilterFileExt != 0:
		return filesFor(word, func(entry os.DirEntry) bool {
			return entry.IsDir() || slices.Contains(offers, strings.TrimPrefix(filepath.Ext(entry.Name()), "."))
		})
	}
	offers = slices.DeleteFunc(offers, func(o string) bool { return !strings.HasPrefix(o, word) })
	if len(offers) == 0 && directive&cobra.ShellCompDirectiveNoFileComp == 0 {
		return filesFor(word, func(os.DirEntry) bool { return true })
	}
	return offers
}

func prefixed(prefix string, words []string) []string {
	for i := range words {
		words[i] = prefix + words[i]
	}
	return words
}

// filesFor are the files whose path begins with word; directories end with a slash.
func filesFor(word string, wanted func(os.DirEntry) bool) []string {
	dir, base := filepath.Split(word)
	path, err := home.Expand(dir, os.Getenv("HOME"))
	if err != nil {
		return nil
	}
	var files []string
	for _, entry := range entries(path) {
		name := entry.Name()
		if !strings.HasPrefix(name, base) || base == "" && name[0] == '.' || !wanted(entry) || escape.Needed(name) {
			continue
		}
		if entry.IsDir() {
			name += "/"
		}
		files = append(files, dir+name)
	}
	return files
}

// programsFor are the programs of PATH whose name begins with word.
func programsFor(word string) []string {
	var names []string
	for _, dir := range filepath.SplitList(os.Getenv("PATH")) {
		for _, entry := range entries(dir) {
			name := entry.Name()
			if !strings.HasPrefix(name, word) || escape.Needed(name) {
				continue
			}
			if info, err := os.Stat(filepath.Join(dir, name)); err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0 {
				names = append(names, name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// entries are what is in the directory at path, sorted; "" is the current one.
func entries(path string) []os.DirEntry {
	dir, err := safeopen.Dir(filepath.Clean(path))
	if err != nil {
		return nil
	}
	defer dir.Close()
	all, _ := dir.ReadDir(-1)
	slices.SortFunc(all, func(a, b os.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return all
}

// completeCommand offers programs for the first word after the --, and after that files.
// The library does not say where the -- is.
func (e *env) completeCommand(word string) ([]string, cobra.ShellCompDirective) {
	dash := slices.Index(e.args, "--")
	if dash == len(e.args)-2 && !strings.Contains(word, "/") {
		return programsFor(word), cobra.ShellCompDirectiveDefault
	}
	return nil, cobra.ShellCompDirectiveDefault
}
