package taskfile

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"tasks/pkg/task"
)

// Whoever may have put a file where it is found must count. Whose the files of the test
// are, the reader says: no other user is needed.
func TestWhoseFilesCount(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{
		"plain/f": "", "team/f": "", "sticky/f": "", "open/f": "", "loose/f": "", "teams/f": "", "away/f": "", "away/g": "",
	})
	at := func(path string) string { return filepath.Join(dir, path) }
	for path, mode := range map[string]os.FileMode{
		"plain": 0o755, "team": 0o775, "sticky": 0o777 | os.ModeSticky, "open": 0o777, "loose": 0o755, "teams": 0o755, "loose/f": 0o646, "teams/f": 0o664,
	} {
		if err := os.Chmod(at(path), mode); err != nil {
			t.Fatal(err)
		}
	}
	for _, sub := range []string{"plain", "team", "sticky"} {
		if err := errors.Join(os.Symlink(at("away/f"), at(sub+"/link")), os.Link(at("away/g"), at(sub+"/hard"))); err != nil {
			t.Fatal(err)
		}
	}
	me, other := os.Geteuid(), 12345
	alone, shared := func(int, int) bool { return true }, func(int, int) bool { return false }
	const theirs, wide, written = "belongs to uid", "is in a directory that others can write to", "can be written by others"
	for _, c := range []struct {
		path             string
		mine, his, group string // of this user; of one who counts; of one who counts, and whose group has nobody else
	}{
		{"plain/f", "", "", ""},
		{"plain/link", "", "", ""},
		{"plain/hard", "", "", ""},
		{"team/f", wide, wide, ""},
		{"team/link", wide, wide, ""},
		{"team/hard", wide, wide, ""},
		{"sticky/f", "", wide, wide},
		{"sticky/link", "", wide, wide},
		{"sticky/hard", wide, wide, wide},
		{"open/f", wide, wide, wide},
		{"loose/f", written, written, written},
		{"teams/f", written, written, ""},
	} {
		for what, r := range map[string]struct {
			reader reader
			want   string
		}{
			"mine":                {reader{me, []int{me, 0}, -1, shared}, c.mine},
			"of one who counts":   {reader{other, []int{other, me}, -1, shared}, c.his},
			"with a group of one": {reader{other, []int{other, me}, -1, alone}, c.group},
			"theirs":              {reader{other, []int{other}, -1, alone}, theirs},
		} {
			d := pin(filepath.Dir(at(c.path)))
			o := d.open(filepath.Base(c.path))
			got := r.reader.objection(o)
			o.close()
			d.close()
			if (got == "") != (r.want == "") || !strings.HasPrefix(got, r.want) {
				t.Errorf("%s, %s: %q; want %q", c.path, what, got, r.want)
			}
		}
	}
}

// needOthers skips a test that gives files to other users.
func needOthers(t *testing.T, owners map[string]int) {
	t.Helper()
	if os.Geteuid() != 0 {
		t.Skip("needs root")
	}
	for path, uid := range owners {
		if err := os.Lchown(path, uid, uid); err != nil {
			t.Fatal(err)
		}
	}
}

// What another user has put above is passed over: the next one above counts, or the
// error names it.
func TestFindPassesOver(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"mine/tasks.yaml": "tasks: {a: {command: x}}", "team/run.sh": "", "team/sub/deep/x": "", "his/sub/x": "", "theirs/sub/x": "", "shared/Procfile": "web: id", "shared/.env": "LD_PRELOAD=x", "shared/sub/x": ""})
	at := func(path string) string { return filepath.Join(dir, path) }
	for _, sub := range []string{"team", "his", "theirs/sub"} {
		if err := os.Symlink(at("mine/tasks.yaml"), at(sub+"/tasks.yaml")); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Link(at("mine/tasks.yaml"), at("theirs/tasks.yaml")); err != nil {
		t.Fatal(err)
	}
	const other = 12345
	needOthers(t, map[string]int{at("team/tasks.yaml"): other, at("his/tasks.yaml"): other, at("his/sub"): other, at("theirs"): other, at("theirs/sub/tasks.yaml"): other, at("shared/.env"): other})
	for in, why := range map[string]string{
		"team/sub/deep":  at("team/tasks.yaml") + " is ignored, since it belongs to uid 12345: name it with -f",
		"shared/sub":     at("shared/Procfile") + " is ignored, since it has a .env beside it that belongs to uid 12345: name it with -f",
		"theirs/sub/new": at("theirs/sub/tasks.yaml") + " is ignored, since it belongs to uid 12345: name it with -f",
	} {
		if err := os.MkdirAll(at(in), 0o755); err != nil {
			t.Fatal(err)
		}
		found, err := Find(at(in))
		if passed := new(IgnoredError); found != nil || !errors.Is(err, task.ErrNotFound) || !errors.As(err, &passed) || !strings.Contains(err.Error(), why) {
			t.Errorf("%s: %v, %v", in, found, err)
		}
	}
	if err := os.Remove(at("theirs/sub/tasks.yaml")); err != nil {
		t.Fatal(err)
	}
	if found, err := Find(at("theirs/sub")); found != nil || err == nil || !strings.Contains(err.Error(), "since it is in a directory of uid 12345: ") {
		t.Errorf("a hard link of another: %v, %v", found, err)
	}
	for in, why := range map[string]string{"his/sub": "", "team": "belongs to uid 12345"} { // the owner's, and the current directory's
		found, err := Find(at(in))
		if err != nil || filepath.Base(found.Path) != "tasks.yaml" {
			t.Errorf("%s: %v, %v", in, found, err)
			continue
		}
		f, err := found.Load(nil)
		if err != nil || why != "" && f.Foreign != why {
			t.Errorf("%s: %+v, %v", in, f, err)
		}
	}
}

// A dangling link does not count as a missing file: its target may not be mounted. Another
// user's link is ignored, as any file of theirs.
func TestFindWhatCannotBeReached(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"tasks.yaml": "", "here/x": "", "loop/x": "", "deep/sub/x": "", "theirs/sub/x": ""})
	at := func(path string) string { return filepath.Join(dir, path) }
	for link, to := range map[string]string{"here/tasks.yaml": "/mnt/none/tasks.yaml", "loop/Procfile": "Procfile", "deep/tasks.yml": "none", "theirs/tasks.yaml": "none"} {
		if err := os.Symlink(to, at(link)); err != nil {
			t.Fatal(err)
		}
	}
	for in, c := range map[string]struct{ path, why string }{
		"here":     {"here/tasks.yaml", ": it is a link to /mnt/none/tasks.yaml, which is not there: repair or remove it"},
		"loop":     {"loop/Procfile", ": too many levels of symbolic links: repair or remove it"},
		"deep/sub": {"deep/tasks.yml", ": it is a link to none, which is not there: repair or remove it"},
	} {
		found, err := Find(at(in))
		if err != nil || found.Path != at(c.path) {
			t.Errorf("%s: %v, %v", in, found, err)
			continue
		}
		if _, err := found.Load(nil); !errors.Is(err, task.ErrUsage) || !strings.Contains(err.Error(), "cannot read "+at(c.path)+c.why) {
			t.Errorf("%s: %v", in, err)
		}
	}
	if _, err := Load(at("here/tasks.yaml"), nil); !errors.Is(err, task.ErrUsage) || !strings.Contains(err.Error(), "it is a link to /mnt/none") {
		t.Errorf("loaded: %v", err)
	}
	needOthers(t, map[string]int{at("theirs/tasks.yaml"): 12345})
	if found, err := Find(at("theirs/sub")); err != nil || found.Path != at("tasks.yaml") {
		t.Errorf("a link of another: %v, %v", found, err)
	}
}

// So is a .env.
func TestDotEnvThatCannotBeReached(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"tasks.yaml": "tasks:\n  a: {command: [x, '${NO:-y}']}\n"})
	if _, err := Load(filepath.Join(dir, "tasks.yaml"), nil); err != nil {
		t.Errorf("without one: %v", err)
	}
	if err := os.Symlink("/mnt/none/.env", filepath.Join(dir, ".env")); err != nil {
		t.Fatal(err)
	}
	if _, err := Load(filepath.Join(dir, "tasks.yaml"), nil); err == nil || !strings.Contains(err.Error(), ".env: it is a link to /mnt/none/.env, which is not there") {
		t.Errorf("got %v", err)
	}
}

// In /tmp anybody may put a .env beside a tasks file.
func TestForeignDotEnv(t *testing.T) {
	t.Parallel()
	const text = "tasks: {a: {command: [x, $Y]}}"
	dir := write(t, map[string]string{
		"tmp/tasks.yaml": text, "tmp/.env": "Y=1", "dir/tasks.yaml": text, "dir/.env": "Y=1", "alone/tasks.yaml": text, "alone/.env": "Y=1", "link/tasks.yaml": text,
		"proc/Procfile": "a: x", "proc/.env": "Y=1",
	})
	at := func(path string) string { return filepath.Join(dir, path) }
	for _, sub := range []string{"tmp", "alone", "link", "proc"} {
		if err := os.Chmod(at(sub), 0o777|os.ModeSticky); err != nil {
			t.Fatal(err)
		}
	}
	if err := os.Symlink(at("dir/.env"), at("link/.env")); err != nil {
		t.Fatal(err)
	}
	needOthers(t, map[string]int{at("tmp/.env"): 12345, at("dir/.env"): 12345, at("alone/.env"): 12345, at("alone/tasks.yaml"): 12345, at("link/.env"): 12345, at("proc/.env"): 12345})
	for path, refused := range map[string]bool{"tmp/tasks.yaml": true, "link/tasks.yaml": true, "proc/Procfile": true, "dir/tasks.yaml": false, "alone/tasks.yaml": false} {
		f, err := Load(at(path), nil)
		switch {
		case refused && (err == nil || !errors.Is(err, task.ErrUsage) || !strings.Contains(err.Error(), "/.env: it belongs to uid 12345, in a directory where anybody may put one")):
			t.Errorf("%s: %v", path, err)
		case !refused && (err != nil || f.Tasks[0].Command[1] != "1"):
			t.Errorf("%s: %v", path, err)
		}
	}
}

// Another user who moves their .env in and out gets it read at no moment.
func TestForeignDotEnvThatMoves(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"tasks.yaml": "tasks: {a: {command: ['${X:-none}']}}", "theirs": "X=theirs"})
	at := func(path string) string { return filepath.Join(dir, path) }
	if err := os.Chmod(dir, 0o777|os.ModeSticky); err != nil {
		t.Fatal(err)
	}
	needOthers(t, map[string]int{at("theirs"): 12345})
	stop, stopped := make(chan struct{}), make(chan error)
	go func() {
		for {
			select {
			case <-stop:
				stopped <- nil
				return
			default:
			}
			if err := errors.Join(os.Rename(at("theirs"), at(".env")), os.Rename(at(".env"), at("theirs"))); err != nil {
				stopped <- err
				return
			}
		}
	}()
	for range 3000 {
		if f, err := Load(at("tasks.yaml"), nil); err == nil && f.Tasks[0].Command[0] != "none" {
			t.Errorf("their .env was read: %q", f.Tasks[0].Command)
			break
		}
	}
	close(stop)
	if err := <-stopped; err != nil {
		t.Fatal(err)
	}
}

// In a directory that anybody can write to, another name of a file may be anybody's work.
func TestDotEnvOfTwoNames(t *testing.T) {
	t.Parallel()
	dir := write(t, map[string]string{"tasks.yaml": "tasks: {a: {command: ['${X:-none}']}}", "private/.env": "X=1"})
	if err := errors.Join(os.Link(filepath.Join(dir, "private/.env"), filepath.Join(dir, ".env")), os.Chmod(dir, 0o777|os.ModeSticky)); err != nil {
		t.Fatal(err)
	}
	if f, err := Load(filepath.Join(dir, "tasks.yaml"), nil); err == nil || !strings.Contains(err.Error(), "/.env: it has more than one name (hard link), in a directory where anybody may put one") {
		t.Errorf("got %+v, %v", f, err)
	}
}
