package ready

import (
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"tasks/internal/room"
)

// What has the name of the directory in /tmp may be another user's by now: a link, or a
// directory that others may enter. No socket that is there, or where it leads, is
// removed; one that a supervisor has left is.
func TestNotifySweepsItsOwnAlone(t *testing.T) {
	t.Parallel()
	for what, tt := range map[string]struct {
		mode fs.FileMode
		link bool // in place of what the link of the state directory leads to
		own  bool
	}{
		"its own": {0o700, false, true}, "a link": {0o700, true, false}, "open to others": {0o755, false, false},
	} {
		base := notifyDir(t)
		victim, o := base+"-victim", Options{ID: t.Name(), Dir: base}
		if err := os.Mkdir(victim, tt.mode); err != nil {
			t.Fatal(err)
		}
		leads := victim
		if tt.link {
			leads = base + "-link"
			if err := os.Symlink(victim, leads); err != nil {
				t.Fatal(err)
			}
		}
		if err := os.Symlink(leads, o.Dir); err != nil {
			t.Fatal(err)
		}
		conn, err := bind(filepath.Join(victim, "docker.sock"), room.Needed)
		if err != nil {
			t.Fatal(err)
		}
		New(o)
		conn.Close()
		if _, err := os.Lstat(filepath.Join(victim, "docker.sock")); (err != nil) != tt.own {
			t.Errorf("%s: %v", what, err)
		}
	}
}
