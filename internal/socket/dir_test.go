package socket

import (
	"errors"
	"os"
	"path/filepath"
	"testing"

	"tasks/pkg/task"
)

func TestMakeDir(t *testing.T) {
	t.Parallel()
	base := tempDir(t)
	made := filepath.Join(base, "a", "b", "c")
	check(t, MakeDir(made))
	check(t, MakeDir(made))
	for _, dir := range []string{"a", "a/b", "a/b/c"} {
		wantMode(t, filepath.Join(base, dir), 0o700)
	}

	// A home that is a link is fine; only the directory itself must not be one.
	check(t, os.Symlink(filepath.Join(base, "a"), filepath.Join(base, "home")))
	check(t, MakeDir(filepath.Join(base, "home", "state")))

	// A parent that is there keeps its mode.
	check(t, os.Chmod(filepath.Join(base, "a"), 0o755))
	check(t, MakeDir(filepath.Join(base, "a", "d")))
	wantMode(t, filepath.Join(base, "a"), 0o755)
}

func TestMakeDirRefuses(t *testing.T) {
	t.Parallel()
	base := tempDir(t)
	at := func(name string) string { return filepath.Join(base, name) }
	check(t, os.Mkdir(at("real"), 0o700))
	check(t, os.Symlink(at("real"), at("link")))
	check(t, os.Symlink(at("nowhere"), at("dangling")))
	touch(t, at("file"))
	for _, mode := range []os.FileMode{0o755, 0o710, 0o701, 0o777, 0o720} {
		dir := at("loose")
		check(t, os.Mkdir(dir, 0o700))
		check(t, os.Chmod(dir, mode))
		wantError(t, MakeDir(dir), dir, "chmod 700 "+dir)
		wantMode(t, dir, mode)
		check(t, os.Remove(dir))
	}
	wantError(t, MakeDir(at("link")), "symbolic link", "remove it")
	wantError(t, MakeDir(at("dangling")), "symbolic link", "remove it")
	wantError(t, MakeDir(at("dangling/x")), "no such file")
	wantError(t, MakeDir(at("file")), "not a directory")
	wantError(t, MakeDir(at("file/x")), "not a directory")
	if exists(at("nowhere")) {
		t.Error("made what a dangling link leads to")
	}
}

func TestMakeDirRefusesForeign(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir := tempDir(t)
	check(t, os.Chown(dir, nobody, nobody))
	wantError(t, MakeDir(dir), dir, "belongs to uid 65534")
}

func TestCheckNamedDir(t *testing.T) {
	t.Parallel()
	base := tempDir(t)
	at := func(name string) string { return filepath.Join(base, name) }
	for name, mode := range map[string]os.FileMode{"private": 0o700, "readable": 0o755, "sticky": 0o777 | os.ModeSticky} {
		check(t, os.Mkdir(at(name), 0o700))
		check(t, os.Chmod(at(name), mode))
		check(t, CheckNamedDir(at(name)))
		wantMode(t, at(name), mode.Perm())
	}
	check(t, os.Symlink(at("private"), at("link")))
	check(t, CheckNamedDir(at("link")))
	check(t, CheckNamedDir(at("new")))
	wantMode(t, at("new"), 0o700)
	check(t, CheckNamedDir("/"))
	check(t, CheckNamedDir("/tmp"))
}

func TestCheckNamedDirRefuses(t *testing.T) {
	t.Parallel()
	base := tempDir(t)
	at := func(name string) string { return filepath.Join(base, name) }
	for _, mode := range []os.FileMode{0o770, 0o702, 0o777} {
		check(t, os.Mkdir(at("loose"), 0o700))
		if mode == 0o770 { // for a group that others may be in
			if os.Geteuid() != 0 {
				check(t, os.Remove(at("loose")))
				continue
			}
			check(t, os.Chown(at("loose"), 0, nobody))
		}
		check(t, os.Chmod(at("loose"), mode))
		wantError(t, CheckNamedDir(at("loose")), "chmod go-w "+at("loose"))
		check(t, os.Remove(at("loose")))
	}
	touch(t, at("file"))
	check(t, os.Symlink(at("nowhere"), at("dangling")))
	wantError(t, CheckNamedDir(at("file")), "not a directory")
	wantError(t, CheckNamedDir(at("dangling")), "no such file")
	wantError(t, CheckNamedDir(at("no/such")), at("no")+" is missing", "mkdir -p "+at("no"))
}

func TestCheckNamedDirRefusesForeign(t *testing.T) {
	t.Parallel()
	needRoot(t)
	dir, link := tempDir(t), filepath.Join(tempDir(t), "link")
	check(t, os.Symlink(tempDir(t), link))
	check(t, os.Lchown(link, nobody, nobody))
	check(t, os.Chown(dir, nobody, nobody))
	wantError(t, CheckNamedDir(dir), "belongs to uid 65534")
	wantError(t, CheckNamedDir(link), "belongs to uid 65534")
}

func TestUmask(t *testing.T) {
	t.Parallel()
	for _, role := range []string{"umask", "umask as nobody"} {
		dir := tempDir(t)
		if role != "umask" {
			if os.Geteuid() != 0 {
				continue
			}
			check(t, os.Chown(dir, nobody, nobody))
		}
		if c := startChild(t, role, dir); c.said != "ok" {
			t.Errorf("%s: %s", role, c.said)
			continue
		}
		for _, made := range []string{"a", "a/b", "a/b/state", "named"} {
			wantMode(t, filepath.Join(dir, made), 0o700)
		}
		wantMode(t, filepath.Join(dir, "a/b/state/lock"), 0o600)
		wantMode(t, filepath.Join(dir, "x.sock"), 0o600)
	}
}

func TestCheckOwner(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	check(t, CheckOwner(dir))
	check(t, CheckOwner(filepath.Join(dir, "missing")))
	needRoot(t)
	link := filepath.Join(dir, "link")
	check(t, os.Symlink(dir, link))
	check(t, os.Chown(dir, nobody, nobody))
	for _, path := range []string{dir, link} {
		err := CheckOwner(path)
		wantError(t, err, path, "belongs to uid 65534, and this is uid 0: use --allow-foreign")
		if !errors.Is(err, task.ErrUnavailable) {
			t.Error(err)
		}
	}
}
