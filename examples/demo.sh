#!/bin/sh
# A short real session: programs side by side, listed, waited for, stopped.
# It runs in a temporary home and leaves nothing behind.
set -eu
here=$(cd "$(dirname "$0")/.." && pwd)
cache=$(go env GOCACHE) modules=$(go env GOMODCACHE)
home=$(mktemp -d)
trap 'tasks -q exit --timeout 1s 2>/dev/null || true; rm -rf "$home"' EXIT
export HOME="$home" TASKS_SOCKET="$home/demo.sock" GOCACHE="$cache" GOMODCACHE="$modules" GOFLAGS=-modcacherw
unset TASKS_STATE_DIR XDG_STATE_HOME
cd "$here"
go build -o "$home/web" ./examples/web
PATH="$home:$PATH"

run() {
	printf '\n$ %s\n' "$1"
	eval "$1" || printf '(exit code %d)\n' $?
}

run 'tasks serve'
run 'tasks start web --restart on-failure -- web'
echo "a first line" >"$home/growing"
run 'tasks start follow -- tail -f "$HOME/growing"'
run 'tasks start build --group jobs -- go build -o "$HOME/tasks" ./cmd/tasks'
run 'tasks start capture'
run 'tasks start capture'
run 'tasks list'
echo "a second line" >>"$home/growing"
run 'tasks wait build'
run "tasks start broken --wait -c 'echo \"cannot go on\" >&2; exit 3'"
run 'tasks logs broken'
run 'tasks logs web follow'
run 'tasks stop web'
run 'tasks stop nothing'
run 'tasks logs capture'
run 'tasks list'
run 'tasks exit'
run 'tasks list'
