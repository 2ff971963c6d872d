package trust

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestPrivateGroup(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	passwd, group := filepath.Join(dir, "passwd"), filepath.Join(dir, "group")
	if err := errors.Join(
		os.WriteFile(passwd, []byte("root:x:0:0::/:/bin/sh\nann:x:1000:1000::/:/bin/sh\nbob:x:1001:1001::/:/bin/sh\ncat:x:1002:1001::/:/bin/sh\ndan:x:1003:1003::/:/bin/sh\neve:x:1004:100::/:/bin/sh\nbroken\n"), 0o600),
		os.WriteFile(group, []byte("root:x:0:\nann:x:1000:ann,root\nbob:x:1001:\ndan:x:1003:bob\nusers:x:100:\n"), 0o600),
	); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		uid, gid int
		want     bool
	}{
		{1000, 1000, true},  // members: itself and root
		{1001, 1001, false}, // another's primary group, too
		{1003, 1003, false}, // has another member
		{1004, 100, false},  // of another name: members may be listed elsewhere
		{1000, 1001, false},
		{1000, 0, true}, {0, 0, true},
		{5000, 5000, true}, // a number alone, as in containers
		{5000, 5001, false},
	} {
		if got := privateGroup(passwd, group, c.uid, c.gid); got != c.want {
			t.Errorf("uid %d, gid %d: %v", c.uid, c.gid, got)
		}
	}
	if privateGroup("/none", "/none", 1000, 0) || !privateGroup("/none", "/none", 1000, 1000) {
		t.Error("without the files")
	}
	if privateGroup(dir, group, 1000, 1000) || privateGroup(passwd, dir, 5000, 5000) {
		t.Error("with files that cannot be read")
	}
	members := []byte("all:x:7000:" + strings.Repeat("someone,", 1<<14) + "\n5000:x:5000:bob\n")
	if err := os.WriteFile(group, members, 0o600); err != nil {
		t.Fatal(err)
	}
	if privateGroup(passwd, group, 5000, 5000) {
		t.Error("after a group with many members")
	}
}
