package taskfile

import (
	"fmt"
	"regexp"
	"strings"
	"sync"
)

// reference is what may stand between ${ and }.
var reference = sync.OnceValue(func() *regexp.Regexp {
	return regexp.MustCompile(`^([A-Za-z_][A-Za-z0-9_]*)(:-(.*))?$`)
})

// expand is s with ${NAME} and ${NAME:-DEFAULT} replaced, and a dollar for $$.
// The default counts where the variable is unset or empty. Where it fails, at is
// the reference that cannot be replaced.
func expand(s string, lookup func(string) (string, bool, error)) (out, at string, err error) {
	var b strings.Builder
	for {
		i := strings.IndexByte(s, '$')
		if i < 0 || i+1 == len(s) {
			b.WriteString(s)
			return b.String(), "", nil
		}
		b.WriteString(s[:i])
		s = s[i:]
		switch s[1] {
		case '$':
			b.WriteByte('$')
			s = s[2:]
			continue
		case '{':
		default:
			b.WriteByte('$')
			s = s[1:]
			continue
		}
		end := strings.IndexByte(s, '}')
		if end < 0 {
			return "", s, fmt.Errorf("${ has no } after it: $$ is a dollar")
		}
		at, inside := s[:end+1], s[2:end]
		s = s[end+1:]
		m := reference().FindStringSubmatch(inside)
		if m == nil || strings.Contains(inside, "${") {
			return "", at, fmt.Errorf("bad %s: use ${NAME} or ${NAME:-DEFAULT}; $$ is a dollar", at)
		}
		name, def, hasDefault := m[1], m[3], m[2] != ""
		val, ok, err := lookup(name)
		switch {
		case err != nil:
			return "", at, err
		case hasDefault && val == "":
			val = def
		case !ok && !hasDefault:
			return "", at, fmt.Errorf("%s is not set: set it, here or in .env, or give a default: ${%s:-…}", name, name)
		}
		b.WriteString(val)
	}
}

// lookup is the variable called name: of the caller, else of the file .env
// beside the tasks file, which is read when it is first needed.
func (l *loader) lookup(name string) (string, bool, error) {
	if v, ok := l.environ[name]; ok {
		return v, true, nil
	}
	if l.dotenv == nil {
		vars, err := l.readDotEnv()
		if err != nil {
			return "", false, err
		}
		l.dotenv = vars
	}
	v, ok := l.dotenv[name]
	return v, ok, nil
}
