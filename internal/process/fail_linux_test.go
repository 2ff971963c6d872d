package process

import (
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"tasks/pkg/task"
)

// Any system call may fail, at any time, because descriptors or memory run out, or
// a device or a sandbox fails: one call, or all calls for a while. Whatever
// fails, nothing of a run is left when it is said to be gone, and nobody else is
// signalled.
//
// Each run of the test draws some of all the calls of each scene. FAIL_ALL=1 has each
// of them fail, and the first of each kind with every error: that takes 10 minutes.
func TestAnyCallMayFail(t *testing.T) {
	t.Parallel()
	var played sync.WaitGroup
	turns := make(chan struct{}, 4) // they wait as much as they work, and look at each other's processes
	for _, w := range ways {
		if w == grouped && shared.groups.dir == "" {
			continue
		}
		for name := range scenes {
			h := helper(t, "fail")
			h.Env = env(t, map[string]string{
				"PROCESS_TEST_HELPER": "fail", "PROCESS_TEST_WAY": string(w), "PROCESS_TEST_SCENE": name,
				"FAIL_ALL": os.Getenv("FAIL_ALL"), "PATH": "/usr/bin:/bin", "GORACE": "atexit_sleep_ms=0",
			})
			turns <- struct{}{}
			s := start(t, h)
			played.Go(func() {
				defer func() { <-turns }()
				<-s.Exited()
				if e := s.Exit(); e != (task.Exit{}) {
					t.Errorf("%s %s: %+v", name, w, e)
				}
				said, _ := os.ReadFile(s.path)
				t.Logf("%s %s: %s", name, w, said)
			})
		}
	}
	played.Wait()
}

// What a call fails with, and how long all others do so too; 0: it alone does.
type mishap struct {
	kind  string
	n     int // the n-th of its kind
	errno syscall.Errno
	lasts time.Duration
}

func (f mishap) String() string {
	if f.lasts > 0 {
		return fmt.Sprintf("%v from the %d. %s on, for %v", unix.ErrnoName(f.errno), f.n, f.kind, f.lasts)
	}
	return fmt.Sprintf("%v at the %d. %s", unix.ErrnoName(f.errno), f.n, f.kind)
}

// errnos are what calls fail with.
var errnos = []syscall.Errno{unix.EMFILE, unix.ENOMEM, unix.EIO, unix.EPERM}

// fail has each call for which f gives an error fail with that.
func fail(f func(call) error) {
	answers := func(c call) (result, bool) { err := f(c); return result{err: err}, err != nil }
	intercept.Store(&answers)
}

// certain are calls that never fail, or whose failure makes no difference.
var certain = map[string]bool{"close": true, "dup3": true, "nanosleep": true, "epoll_ctl": true, "epoll_wait": true}

// A saboteur has calls fail, and watches the signals.
type saboteur struct {
	mu    sync.Mutex
	armed bool
	plan  mishap
	seen  map[string]int // how often each kind of call was made
	until time.Time      // all calls fail before
	hit   bool
	id    string         // of the run
	roles map[int]string // of its processes that are known
	kills int            // KILL was sent, to some of it
	wrong []string
}

// arm begins a scene that is to go by the plan.
func (s *saboteur) arm(p mishap) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed, s.plan, s.seen, s.until, s.hit = true, p, make(map[string]int), time.Time{}, false
}

func (s *saboteur) disarm() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.armed = false
}

// clear forgets the run before.
func (s *saboteur) clear(id string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.id, s.roles, s.kills, s.wrong = id, make(map[int]string), 0, nil
}

func (s *saboteur) know(pid int, role string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.roles[pid] = role
}

// call is asked before each system call.
func (s *saboteur) call(c call) (err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.armed && !certain[c.name] && c.path != "boot" {
		err = s.fail(c)
	}
	if err == nil && c.sig != 0 && (c.name == "kill" || c.name == "pidfd_send_signal") {
		if pid := max(c.pid, -c.pid); s.roles[pid] == "" && !s.isOfRun(pid) {
			s.wrong = append(s.wrong, fmt.Sprintf("process %d, which is not of the run, is sent %v", c.pid, c.sig))
		}
		if c.sig == syscall.SIGKILL {
			s.kills++
		}
	}
	return err
}

func (s *saboteur) fail(c call) error {
	kind := s.kindOf(c)
	s.seen[kind]++
	switch {
	case time.Now().Before(s.until):
	case !s.hit && kind == s.plan.kind && s.seen[kind] == s.plan.n:
		s.hit, s.until = true, time.Now().Add(s.plan.lasts)
	default:
		return nil
	}
	if s.plan.errno == unix.EPERM && ofAProcess.MatchString(c.path) {
		return nil // that says that the process is another user's
	}
	return s.plan.errno
}

var (
	ofAProcess = regexp.MustCompile(`^/proc/\d+/`)
	digits     = regexp.MustCompile(`\d+`)
)

// kindOf groups calls: by name, by what they open, and by whose it is.
func (s *saboteur) kindOf(c call) string {
	path := c.path
	if i := strings.LastIndex(path, ":7"); i >= 0 { // a cgroup of a run
		path = "RUN" + path[i+2:]
	}
	path = digits.ReplaceAllStringFunc(path, func(n string) string {
		pid, _ := strconv.Atoi(n)
		if role := s.roles[pid]; role != "" {
			return role
		}
		return "N"
	})
	kind := strings.TrimSpace(c.name + " " + path)
	if c.sig != 0 {
		kind += " " + task.SignalName(c.sig)
	}
	return kind
}

// isOfRun reports whether the process has the run's environment, or is gone.
func (s *saboteur) isOfRun(pid int) bool {
	env, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/environ")
	return err != nil || len(env) == 0 || slices.Contains(strings.Split(string(env), "\x00"), "TASKS_RUN_ID="+s.id)
}

// lives reports whether the process executes anything, asked without the shared.
func lives(pid int) bool {
	b, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	_, rest, ok := strings.Cut(string(b), ") ")
	return err == nil && ok && rest[0] != 'Z' && rest[0] != 'X'
}

// left is the processes that have the run's environment.
func (s *saboteur) left() (pids []int) {
	dirs, err := os.ReadDir("/proc")
	must(err)
	for _, d := range dirs {
		pid, err := strconv.Atoi(d.Name())
		if err != nil || !lives(pid) {
			continue
		}
		env, _ := os.ReadFile("/proc/" + d.Name() + "/environ")
		if slices.Contains(strings.Split(string(env), "\x00"), "TASKS_RUN_ID="+s.id) {
			pids = append(pids, pid)
		}
	}
	return pids
}

// plans are the failures of a scene in which these calls are made.
func plans(seen map[string]int) (plans []mishap) {
	for i, kind := range slices.Sorted(maps.Keys(seen)) {
		for n := 1; n <= seen[kind]; n++ {
			plans = append(plans, mishap{kind, n, errnos[(i+n)%len(errnos)], 0})
		}
		for _, errno := range errnos {
			plans = append(plans, mishap{kind, 1, errno, 0}, mishap{kind, 1, errno, 300 * time.Millisecond})
		}
	}
	return plans
}

// draw draws some of the plans.
func draw(plans []mishap) []mishap {
	const some = 14
	seed := rand.Uint64()
	fmt.Printf("seed %d: ", seed)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(plans), func(i, j int) { plans[i], plans[j] = plans[j], plans[i] })
	return plans[:min(some, len(plans))]
}

// playFail plays a scene with each of its failures.
func playFail() {
	must(LeaveCgroup()) // it is itself begun as a run
	st := newTheatre(way(os.Getenv("PROCESS_TEST_WAY")))
	defer st.close()
	play := scenes[os.Getenv("PROCESS_TEST_SCENE")]
	s := st.saboteur
	begin := time.Now()
	if err := st.play(play, mishap{}); err != nil { // counts the calls
		must(fmt.Errorf("where nothing fails: %w", err))
	}
	all := plans(s.seen)
	if os.Getenv("FAIL_ALL") == "" {
		all = draw(all)
	}
	hits := 0
	failed := 0
	for _, p := range all {
		if err := st.play(play, p); err != nil {
			failed++
			fmt.Printf("%v: %v\n", p, err)
		}
		if s.hit {
			hits++
		}
	}
	fmt.Printf("%d of %d failures, in %v\n", hits, len(all), time.Since(begin).Round(time.Millisecond))
	if failed > 0 || hits == 0 {
		must(fmt.Errorf("%d were wrong, %d failed at all", failed, hits))
	}
}
