// Package trust says which other users can change what belongs to a user.
package trust

import (
	"bufio"
	"errors"
	"io/fs"
	"os"
	"strconv"
	"strings"
)

// PrivateGroup reports whether nobody but the user uid and root is in the group
// gid, by /etc/passwd and /etc/group: it has the user's name, as where each user
// has a group, or is root's, and no others. What is not in the files may have
// members elsewhere; of such only a group with the user's own number counts.
func PrivateGroup(uid, gid int) bool { return privateGroup("/etc/passwd", "/etc/group", uid, gid) }

func privateGroup(passwd, group string, uid, gid int) bool {
	user, listed := "", false
	others := false
	err := eachEntry(passwd, 4, func(f []string) {
		switch {
		case f[2] == strconv.Itoa(uid):
			user = f[0]
		case f[3] == strconv.Itoa(gid) && f[2] != "0":
			others = true
		}
	})
	named := gid == 0
	err = errors.Join(err, eachEntry(group, 4, func(f []string) {
		if f[2] != strconv.Itoa(gid) {
			return
		}
		listed = true
		named = named || f[0] == user
		for member := range strings.SplitSeq(f[3], ",") {
			others = others || member != "" && member != user && member != "root"
		}
	}))
	switch {
	case err != nil: // others may be in what was not read
		return false
	case !listed:
		return gid == uid && !others
	}
	return named && !others
}

// eachEntry yields the lines of passwd(5) or group(5) with at least n fields; none where
// there is no such file.
func eachEntry(path string, n int, yield func(fields []string)) error {
	f, err := os.Open(path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	lines.Buffer(nil, maxEntry)
	for lines.Scan() {
		if fields := strings.Split(lines.Text(), ":"); len(fields) >= n {
			yield(fields)
		}
	}
	return lines.Err()
}

// maxEntry is how long a line may be, in bytes: groups have thousands of members.
const maxEntry = 16 << 20

// Unmapped is the uid that stands for every user who has none in this user
// namespace, user_namespaces(7), such as the root of the machine that owns the
// directories of its system; -1 where all users have one.
func Unmapped() int {
	b, err := os.ReadFile("/proc/self/uid_map")
	if err != nil {
		return -1
	}
	if f := strings.Fields(string(b)); len(f) == 3 && f[0] == "0" && f[2] == "4294967295" {
		return -1
	}
	b, err = os.ReadFile("/proc/sys/kernel/overflowuid")
	uid, aerr := strconv.Atoi(strings.TrimSpace(string(b)))
	if err != nil || aerr != nil {
		return -1
	}
	return uid
}
