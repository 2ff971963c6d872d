package socket

import (
	"errors"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"tasks/pkg/task"
)

func env(vars map[string]string) func(string) string {
	return func(name string) string { return vars[name] }
}

func TestLocate(t *testing.T) {
	t.Parallel()
	wd, err := os.Getwd()
	check(t, err)
	me := os.Geteuid()
	uid := strconv.Itoa(me)
	withRun := system{runUser: tempDir(t), tmp: "/none"}
	check(t, os.Mkdir(filepath.Join(withRun.runUser, uid), 0o700))
	withLink := system{runUser: tempDir(t), tmp: "/none"}
	check(t, os.Symlink(withRun.runUser, filepath.Join(withLink.runUser, uid)))
	bare := system{runUser: "/none", tmp: "/none"}
	type vars = map[string]string

	for _, tt := range []struct {
		name          string
		sys           system
		socket, state string
		env           vars
		want          Paths
	}{
		{"flag over all", bare, "/r/f.sock", "", vars{"TASKS_SOCKET": "/e.sock", "XDG_RUNTIME_DIR": "/x", "HOME": "/h"}, Paths{"/r/f.sock", "/r/f.state", true}},
		{"environment", bare, "", "", vars{"TASKS_SOCKET": "/e.sock", "XDG_RUNTIME_DIR": "/x"}, Paths{"/e.sock", "/e.state", true}},
		{"other suffix", bare, "/r/f.socket", "", nil, Paths{"/r/f.socket", "/r/f.socket.state", true}},
		{"no suffix", bare, "/r/f", "", nil, Paths{"/r/f", "/r/f.state", true}},
		{"relative", bare, "d/../f.sock", "", nil, Paths{wd + "/f.sock", wd + "/f.state", true}},
		{"home", bare, "~/f.sock", "~/s", vars{"HOME": "/h"}, Paths{"/h/f.sock", "/h/s", true}},
		{"home in the environment", bare, "", "", vars{"HOME": "/h", "TASKS_SOCKET": "~/e.sock", "TASKS_STATE_DIR": "~/s"}, Paths{"/h/e.sock", "/h/s", true}},
		{"not abstract", bare, "@f", "", nil, Paths{wd + "/@f", wd + "/@f.state", true}},
		{"state flag over environment", bare, "/f.sock", "/s", vars{"TASKS_STATE_DIR": "/t"}, Paths{"/f.sock", "/s", true}},
		{"state environment", bare, "/f.sock", "", vars{"TASKS_STATE_DIR": "/t"}, Paths{"/f.sock", "/t", true}},
		{"state alone", bare, "", "s", vars{"XDG_RUNTIME_DIR": "/x"}, Paths{"/x/tasks/default.sock", wd + "/s", false}},
		{"xdg", withRun, "", "", vars{"XDG_RUNTIME_DIR": "/x", "XDG_STATE_HOME": "/xs", "HOME": "/h"}, Paths{"/x/tasks/default.sock", "/xs/tasks/default", false}},
		{"xdg runtime alone", bare, "", "", vars{"XDG_RUNTIME_DIR": "/x", "HOME": "/h"}, Paths{"/x/tasks/default.sock", "/h/.local/state/tasks/default", false}},
		{"relative xdg", bare, "", "", vars{"XDG_RUNTIME_DIR": "x", "XDG_STATE_HOME": "y", "HOME": "/h"}, Paths{"/none/tasks-" + uid + "/default.sock", "/h/.local/state/tasks/default", false}},
		{"run user", withRun, "", "", vars{"HOME": "/h"}, Paths{withRun.runUser + "/" + uid + "/tasks/default.sock", "/h/.local/state/tasks/default", false}},
		{"run user is a link", withLink, "", "", vars{"HOME": "/h"}, Paths{"/none/tasks-" + uid + "/default.sock", "/h/.local/state/tasks/default", false}},
		{"tmp", bare, "", "", vars{"HOME": "/h"}, Paths{"/none/tasks-" + uid + "/default.sock", "/h/.local/state/tasks/default", false}},
		{"no home", bare, "", "", nil, Paths{"/none/tasks-" + uid + "/default.sock", "/none/tasks-" + uid + "/default.state", false}},
		{"relative home", bare, "", "", vars{"HOME": "h", "XDG_RUNTIME_DIR": "/x"}, Paths{"/x/tasks/default.sock", "/x/tasks/default.state", false}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got, err := tt.sys.locate(tt.socket, tt.state, env(tt.env), me)
			if err != nil || got != tt.want {
				t.Errorf("got %+v, %v\nwant %+v", got, err, tt.want)
			}
			if want := tt.name == "no home" || tt.name == "relative home"; got.Fleeting() != want {
				t.Errorf("fleeting: %v", got.Fleeting())
			}
		})
	}
}

func TestLocatePassesOverForeignRuntimeDirs(t *testing.T) {
	t.Parallel()
	needRoot(t)
	sys := system{runUser: tempDir(t), tmp: tempDir(t)}
	run := filepath.Join(sys.runUser, "0")
	check(t, os.Mkdir(run, 0o700))
	check(t, os.Chown(run, nobody, nobody))
	left := tempDir(t)
	check(t, os.Chown(left, nobody, nobody))
	got, err := sys.locate("", "", env(map[string]string{"XDG_RUNTIME_DIR": left}), 0)
	check(t, err)
	if want := sys.tmp + "/tasks-0/default.sock"; got.Socket != want {
		t.Errorf("socket %s, want %s", got.Socket, want)
	}
}

func TestLocateRefusesWhatIsNotText(t *testing.T) {
	t.Parallel()
	for _, vars := range []map[string]string{
		{"TASKS_SOCKET": "/tmp/d\xe9/s.sock"},
		{"TASKS_SOCKET": "/tmp/s.sock", "TASKS_STATE_DIR": "/tmp/d\xe9"},
		{"XDG_RUNTIME_DIR": "/tmp", "HOME": "/home/d\xe9"},
	} {
		if p, err := Locate("", "", env(vars), os.Geteuid()); !errors.Is(err, task.ErrUsage) || !strings.Contains(err.Error(), "is not UTF-8 text") {
			t.Errorf("%q: %+v, %v", vars, p, err)
		}
	}
}

func TestLocatePassesOverForeignHome(t *testing.T) {
	t.Parallel()
	needRoot(t)
	home := tempDir(t)
	vars := map[string]string{"HOME": home, "XDG_RUNTIME_DIR": "/x"}
	check(t, os.Chown(home, nobody, nobody))
	bare := system{runUser: "/none", tmp: "/none"}
	for uid, want := range map[int]string{0: "/x/tasks/default.state", nobody: home + "/.local/state/tasks/default"} {
		if got, err := bare.locate("", "", env(vars), uid); err != nil || got.State != want {
			t.Errorf("uid %d: %+v, %v; want %s", uid, got, err, want)
		}
	}
	check(t, os.Chown(home, 0, 0)) // the administrator's choice
	if got, err := bare.locate("", "", env(vars), nobody); err != nil || got.State != home+"/.local/state/tasks/default" {
		t.Errorf("%+v, %v", got, err)
	}
}

func TestCheckSudo(t *testing.T) {
	t.Parallel()
	needRoot(t)
	home := tempDir(t)
	check(t, os.Chown(home, nobody, nobody))
	vars := map[string]string{"HOME": home, "SUDO_UID": "65534"}
	wantError(t, Paths{}.CheckSudo(env(vars)), home, "sudo -H")
	check(t, Paths{Named: true}.CheckSudo(env(vars)))
	check(t, Paths{}.CheckSudo(env(map[string]string{"HOME": home})))
	check(t, Paths{}.CheckSudo(env(map[string]string{"HOME": home, "SUDO_UID": "0"})))
	vars["HOME"] = tempDir(t) // as sudo -H has it
	check(t, Paths{}.CheckSudo(env(vars)))
}

func TestLocateRefusesTrappedTmp(t *testing.T) {
	t.Parallel()
	me := os.Geteuid()
	sys := system{runUser: "/none", tmp: tempDir(t)}
	dir := filepath.Join(sys.tmp, "tasks-"+strconv.Itoa(me))
	locate := func() error { _, err := sys.locate("", "", env(nil), me); return err }

	check(t, os.Mkdir(dir, 0o700))
	check(t, locate())
	check(t, os.Chmod(dir, 0o777))
	wantError(t, locate(), dir, "chmod 700 "+dir)
	check(t, os.Remove(dir))
	check(t, os.Symlink(tempDir(t), dir))
	wantError(t, locate(), dir, "symbolic link")
}

func TestLocateRefusesForeignTmp(t *testing.T) {
	t.Parallel()
	needRoot(t)
	sys := system{runUser: "/none", tmp: tempDir(t)}
	dir := filepath.Join(sys.tmp, "tasks-0")
	check(t, os.Mkdir(dir, 0o700))
	check(t, os.Chown(dir, nobody, nobody))
	_, err := sys.locate("", "", env(nil), 0)
	wantError(t, err, dir, "belongs to uid 65534")
}

func TestLocateLimit(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	longest := dir + "/" + strings.Repeat("s", MaxPath-len(dir)-1)
	p, err := Locate(longest, "", env(nil), os.Geteuid())
	check(t, err)
	l, err := Listen(p.Socket)
	check(t, err)
	defer l.Close()
	conn, err := Dial(t.Context(), p.Socket)
	check(t, err)
	conn.Close()

	for name, vars := range map[string]map[string]string{
		"named":   {"TASKS_SOCKET": longest + "s"},
		"default": {"XDG_RUNTIME_DIR": longest},
	} {
		_, err := Locate("", "", env(vars), os.Geteuid())
		wantError(t, err, longest, "at most "+strconv.Itoa(MaxPath), "TASKS_SOCKET")
		if !errors.Is(err, task.ErrUsage) {
			t.Errorf("%s: %v is not a usage error", name, err)
		}
	}
}

func TestLocateRefusesOtherHomes(t *testing.T) {
	t.Parallel()
	for _, tt := range [][2]string{{"~bob/s", ""}, {"", "~bob/s"}, {"~/s", ""}} {
		if p, err := Locate(tt[0], tt[1], env(map[string]string{"XDG_RUNTIME_DIR": "/x"}), os.Geteuid()); !errors.Is(err, task.ErrUsage) || !strings.Contains(err.Error(), "use the whole path") {
			t.Errorf("%q: %+v, %v", tt, p, err)
		}
	}
}

func TestLocateRefusesNUL(t *testing.T) {
	t.Parallel()
	for _, args := range [][2]string{{"/a\x00b", ""}, {"/a", "/s\x00"}} {
		if _, err := Locate(args[0], args[1], env(nil), 0); !errors.Is(err, task.ErrUsage) {
			t.Errorf("%q: %v, want a usage error", args, err)
		}
	}
}

func TestFallback(t *testing.T) {
	t.Parallel()
	p := Paths{Socket: "/r/default.sock", State: tempDir(t)}
	want := func(p Paths, want string) {
		t.Helper()
		if got := p.Fallback(); got != want {
			t.Errorf("fallback of %+v is %q, want %q", p, got, want)
		}
	}
	want(p, "")
	l, err := AcquireLock(p.State)
	check(t, err)
	want(p, "")
	check(t, l.Record("/other dir/default.sock"))
	want(p, "/other dir/default.sock")
	want(Paths{Socket: p.Socket, State: p.State, Named: true}, "")
	want(Paths{Socket: "/other dir/default.sock", State: p.State}, "")
	check(t, l.Release())
	want(p, "")
	touch(t, filepath.Join(p.State, "lock"))
	want(p, "")
}

func TestFallbackIgnoresForeignLock(t *testing.T) {
	t.Parallel()
	needRoot(t)
	p := Paths{Socket: "/r/default.sock", State: tempDir(t)}
	l, err := AcquireLock(p.State)
	check(t, err)
	check(t, l.Record("/trap.sock"))
	check(t, os.Chown(filepath.Join(p.State, "lock"), nobody, nobody))
	if got := p.Fallback(); got != "" {
		t.Errorf("fallback %q from a lock of another user", got)
	}
	_, err = ReadLock(p.State)
	wantError(t, err, "belongs to uid 65534")
}

func TestMakeDirs(t *testing.T) {
	t.Parallel()
	dir := tempDir(t)
	p := Paths{Socket: dir + "/run/tasks/default.sock", State: dir + "/run/tasks/default.state"}
	check(t, p.MakeDirs())
	check(t, p.MakeDirs())
	wantMode(t, p.State, 0o700)
	wantMode(t, dir+"/run", 0o700)

	// A named socket may be where others can read, a default one may not.
	check(t, os.Chmod(dir+"/run/tasks", 0o755))
	wantError(t, p.MakeDirs(), "chmod 700 "+dir+"/run/tasks")
	p.Named = true
	check(t, p.MakeDirs())
}
