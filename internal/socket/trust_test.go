package socket

import (
	"os"
	"path/filepath"
	"testing"
)

// tree makes directories below a new one, each with its mode.
func tree(t *testing.T, modes map[string]os.FileMode) (at func(string) string) {
	t.Helper()
	base := tempDir(t)
	at = func(name string) string { return filepath.Join(base, name) }
	for name := range modes {
		check(t, os.MkdirAll(at(name), 0o700))
	}
	for name, mode := range modes {
		check(t, os.Chmod(at(name), mode))
	}
	return at
}

func TestEveryDirectoryAboveIsChecked(t *testing.T) {
	t.Parallel()
	at := tree(t, map[string]os.FileMode{
		"good/a": 0o755, "sticky": 0o777 | os.ModeSticky, "sticky/a": 0o700, "open": 0o777, "open/a/b": 0o700, "team": 0o775, "team/a": 0o700, "s/a": 0o700,
	})
	check(t, os.Symlink(at("good"), at("link")))
	check(t, os.Symlink("../open/a", at("good/out")))
	check(t, os.Symlink("loop", at("loop")))
	alone := func(int) bool { return true }
	shared := func(int) bool { return false }
	for _, c := range []struct {
		path    string
		private func(int) bool
		home    string
		want    []string // nil: fine
	}{
		{"good/a", shared, "", nil},
		{"good/a/not/there/yet", shared, "", nil},
		{"link/a", shared, "", nil},
		{"sticky/a", shared, "", nil},
		{"open/a/b", alone, "", []string{"others can write to " + at("open"), "mode 0777", "chmod go-w " + at("open")}},
		{"open/new", alone, "", []string{"others can write to " + at("open")}},
		{"open", alone, "", []string{"others can write to it"}},
		{"open/a/b", alone, at("open"), []string{"others can write to " + at("open")}},
		{"open/a/b", alone, at("open/a"), nil},
		{"good/out/b", alone, "", []string{"others can write to " + at("open")}},
		{"team/a", alone, "", nil},
		{"team/a", shared, "", []string{"others can write to " + at("team"), "mode 0775", "chmod go-w " + at("team")}},
		{"loop/a", alone, "", []string{"too many symbolic links"}},
	} {
		r := &truster{uid: os.Geteuid(), home: c.home, private: c.private, unmapped: -1}
		if err := r.check(at(c.path), at(c.path)); c.want == nil {
			check(t, err)
		} else {
			wantError(t, err, append(c.want, "cannot use directory "+at(c.path))...)
		}
	}
}

func TestForeignDirectoriesAboveAreRefused(t *testing.T) {
	t.Parallel()
	needRoot(t)
	at := tree(t, map[string]os.FileMode{"theirs/mine": 0o700, "sticky": 0o777 | os.ModeSticky, "hidden/mine": 0o755, "wide": 0o777, "wide/mine": 0o700, "good": 0o755})
	for _, dir := range []string{"theirs", "hidden", "wide"} {
		check(t, os.Chown(at(dir), nobody, nobody))
	}
	check(t, os.Symlink(at("good"), at("sticky/link")))
	check(t, os.Lchown(at("sticky/link"), nobody, nobody))
	r := &truster{private: func(int) bool { return true }, unmapped: -1}
	wantError(t, r.check(at("theirs/mine"), at("theirs/mine")), at("theirs")+" belongs to uid 65534 (mode 0700)", "name a directory")
	wantError(t, r.check(at("sticky/link/x"), at("sticky/link/x")), at("sticky/link")+" belongs to uid 65534")
	// In a user namespace the system's root is nobody.
	r.unmapped = nobody
	check(t, r.check(at("hidden/mine"), at("hidden/mine")))
	wantError(t, r.check(at("wide/mine"), at("wide/mine")), at("wide")+" belongs to uid 65534 (mode 0777)")
}

// What cannot be kept from others is not made.
func TestNothingIsMadeBelowAnOpenDirectory(t *testing.T) {
	t.Parallel()
	at := tree(t, map[string]os.FileMode{"open": 0o777})
	for _, make := range []func(string) error{MakeDir, CheckNamedDir} {
		wantError(t, make(at("open/new")), "directory "+at("open/new")+": others can write to "+at("open"))
		if exists(at("open/new")) {
			t.Error("it was made")
		}
	}
}
