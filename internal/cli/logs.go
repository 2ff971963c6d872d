package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"tasks/internal/escape"
	"tasks/internal/logs"
	"tasks/internal/safeopen"
	"tasks/internal/socket"
	"tasks/pkg/client"
	"tasks/pkg/task"
)

type logOptions struct {
	selection
	narrowing
	which  string // run: its number or "all"; "": the newest
	lines  *int
	follow bool
	grep   string
	keep   func([]byte) bool // lines that match grep; nil: all
}

func newLogs(e *env) *cobra.Command {
	return e.verb(new(logOptions), &cobra.Command{
		Use:     "logs NAME...",
		Aliases: []string{"log", "tail"},
		Short:   "Show what tasks wrote to stdout and stderr",
		Long: `Show what tasks wrote to stdout and stderr in their newest run. One task's output
comes as the bytes that were written; of several, each line has the task's name
before it, and on a terminal only colours act: other control characters are shown
as text, such as \x1b. The files are read directly, also where no supervisor runs.
With --all, --group or a pattern, --follow shows tasks that come later as well, and
ends when all have ended; a task that follows others leaves itself out.
It continues with the next supervisor, if that answers within 10 seconds; else it
exits with 125 if a task still runs. With --follow an unfinished line is shown after
100 ms; in a trimmed log (--log-max-size) once it is complete.`,
		Example: `  tasks logs web
  tasks logs -f web worker
  tasks logs -n 20 --grep error 'web-*'
  tasks logs -n 5 -g encode --failing
  tasks logs --run 3 web`,
		Annotations:       map[string]string{"prints": "text"},
		ValidArgsFunction: completeNames(nil),
	})
}

func (o *logOptions) flags(f *pflag.FlagSet) {
	o.selection.flags(f)
	o.narrowing.flags(f, "only of tasks in these `STATES`, such as failed,lost")
	f.StringVar(&o.which, "run", "", "run `N`, or all of them (default: the newest)")
	f.VarP(optional[int]{&o.lines, parseLines, "int"}, "lines", "n", "only the last `N` lines, or all (default: all; with --follow 10)")
	alsoCalled(f, "lines", "tail") // by docker
	f.BoolVarP(&o.follow, "follow", "f", false, "follow the output until the task ends, through restarts")
	f.StringVar(&o.grep, "grep", "", "only lines that match this `REGEXP` (Go syntax)")
}

// allLines is the number of --lines all.
const allLines = task.MaxCount

func parseLines(text string) (int, error) {
	if text == "all" {
		return allLines, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil {
		return 0, flagError(fmt.Sprintf("bad --lines %q: use a number, or all", text))
	}
	return n, nil
}

func (o *logOptions) parse(l line) error {
	if err := o.something(l); err != nil {
		return err
	}
	if err := o.stateList.parse(); err != nil {
		return err
	}
	if err := checked(task.CheckCount("--lines", o.lines)); err != nil {
		return err
	}
	if o.grep != "" {
		re, err := regexp.Compile(o.grep)
		if err != nil {
			return usage("bad --grep: %v", err)
		}
		o.keep = re.Match
	}
	if o.follow && o.which != "" {
		return usage("--follow shows the newest run: it goes without --run")
	}
	return nil
}

func (o *logOptions) run(e *env) error {
	sel := o.selector()
	tasks, served, err := e.logged(sel, &o.narrowing)
	lines := -1
	switch {
	case o.lines != nil && *o.lines == allLines:
	case o.lines != nil:
		lines = *o.lines
	case o.follow:
		lines = 10
	}
	var sources []*source
	open := o.follow && served && open(sel) && !o.narrows() // and so later ones are shown as well
	for _, t := range tasks {
		if open && !hasOutput(&t) {
			continue // it has not begun
		}
		if o.follow && e.itself(&t) {
			e.remark("tasks: %s does not follow itself", t.Name)
			continue
		}
		s, serr := e.source(t, o.runOf(&t))
		if serr != nil {
			err = errors.Join(err, serr)
			continue
		}
		sources = append(sources, s)
	}
	if len(sources) == 0 && (!open || len(tasks) == 0) {
		return err
	}
	r := e.newRouter(sources, o.keep, open || len(sources) > 1 || len(sel.Names) > 1 || o.narrows()) // of several names one may be unknown
	if o.follow {
		return joined(err, e.followLogs(&following{env: e, sel: sel, lines: lines, served: served, open: open, router: r}, tasks, sources))
	}
	for _, s := range sources {
		for _, run := range s.runs {
			if werr := s.copy(run, lines); werr != nil {
				return joined(err, werr)
			}
		}
		if werr := s.end(); werr != nil {
			return joined(err, werr)
		}
	}
	return err
}

// runOf is the run of t that is asked for: of one that is failing the run that failed, also
// while the next one is active.
func (o *logOptions) runOf(t *task.Info) string {
	if o.failing && o.which == "" && !o.follow && t.PID != 0 && t.LastExit != nil {
		return strconv.Itoa(t.LastExit.Run)
	}
	return o.which
}

// source is the log of one task: where it is and where it goes.
type source struct {
	name   string
	runs   []int // to show; the newest last
	last   task.Info
	dir    logs.Dir
	kept   *client.Client // asked for what is in no file; nil: it is in dir
	out    io.Writer
	end    func() error // passes on an unterminated last line
	remark func(format string, args ...any)
}

// logged finds the tasks by the supervisor, or else by the logs that are there, which do
// not say in which states they are.
func (e *env) logged(sel task.Selector, only *narrowing) (tasks []task.Info, served bool, err error) {
	c, err := e.dial()
	if err != nil {
		return nil, false, err
	}
	tasks, err = c.List(context.Background(), client.ListOptions{Selector: sel, States: only.states})
	if !errors.Is(err, task.ErrUnavailable) || only.narrows() {
		if tasks = only.keep(tasks); len(tasks) == 0 && err == nil && only.narrows() {
			e.remark("tasks: %s", e.none(c, sel, only))
		}
		return tasks, true, err
	}
	state, serr := e.stateDir()
	if serr != nil {
		return nil, false, serr
	}
	dir := logs.Dir(filepath.Join(state, "logs"))
	all, lerr := dir.Names()
	if lerr != nil || len(all) == 0 {
		return nil, false, err // that no supervisor answers is the better answer
	}
	if len(sel.InGroups()) > 0 {
		return nil, false, err
	}
	var missing []error
	names := all
	if !sel.All {
		names = nil
		for _, want := range sel.Names {
			n := len(names)
			for _, name := range all {
				if ok, _ := path.Match(want, name); (ok || name == want) && !slices.Contains(names, name) {
					names = append(names, name)
				}
			}
			if len(names) == n {
				missing = append(missing, task.NoSuchTask(want))
			}
		}
	}
	for _, name := range names {
		runs, err := dir.Runs(name)
		if err != nil {
			missing = append(missing, err)
		}
		if len(runs) == 0 {
			continue
		}
		last := runs[len(runs)-1]
		tasks = append(tasks, task.Info{Name: name, Run: last, Log: dir.Path(name, last)})
	}
	return tasks, false, errors.Join(missing...)
}

// stateDir is where the state is, for what is read without a supervisor: by
// TASKS_STATE_DIR where it is set, as for serve.
func (d *dialer) stateDir() (string, error) {
	p, err := d.locate()
	if err != nil {
		return "", err
	}
	dir := p.State
	if d.foreign {
		return dir, nil
	}
	return dir, socket.CheckOwner(dir)
}

// source finds the runs of t to show.
func (e *env) source(t task.Info, run string) (*source, error) {
	if !hasOutput(&t) {
		return nil, task.Errorf(task.ErrNotFound, t.Name, "%s has no log", t.Name)
	}
	s := &source{remark: e.remark, name: t.Name, last: t}
	if inMemory(&t) {
		s.kept = &e.client
	} else {
		s.dir = logs.Dir(filepath.Dir(filepath.Dir(t.Log)))
	}
	switch n, err := strconv.Atoi(run); {
	case run == "":
		s.runs = []int{t.Run}
	case run == "all" && s.kept != nil:
		s.runs = keptRuns(t.Run)
	case run == "all":
		if s.runs, err = s.dir.Runs(t.Name); err != nil {
			return nil, err
		}
	case err != nil || n < 1:
		return nil, usage("bad --run %q: use a number from 1, or all: 'tasks show %s' lists the runs, and the newest is the default", run, t.Name)
	case s.kept != nil:
		if _, err := s.kept.Output(context.Background(), t.Name, client.OutputOptions{Run: n}); err != nil {
			return nil, err
		}
		s.runs = []int{n}
	default:
		if _, err := os.Stat(s.dir.Path(t.Name, n)); errors.Is(err, fs.ErrNotExist) {
			return nil, task.Errorf(task.ErrNotFound, t.Name, "No such run: %s has no log of run %d", t.Name, n)
		} else if err != nil {
			return nil, fmt.Errorf("cannot show the log of %s: %w", t.Name, err)
		}
		s.runs = []int{n}
	}
	return s, nil
}

// router gives each source its way to the output: as it is, or line by line after the
// task's name.
type router struct {
	printer *printer
	merger  *logs.Merger // nil: as it is
	keep    func([]byte) bool
	named   bool
	width   int // of the longest name so far
	next    int // its colour
}

func (p *printer) newRouter(sources []*source, keep func([]byte) bool, named bool) *router {
	r := &router{printer: p, keep: keep, named: named}
	if named || keep != nil {
		r.merger = logs.NewMerger(p.logLines(named))
	}
	for _, s := range sources {
		r.width = max(r.width, len(s.name))
	}
	for _, s := range sources {
		r.route(s)
	}
	return r
}

func (r *router) route(s *source) {
	if r.merger == nil {
		s.out, s.end = r.printer.logLines(false), func() error { return nil }
		return
	}
	prefix := ""
	if r.named {
		hues := []string{"36", "33", "32", "35", "34", "31"}
		r.width = max(r.width, len(s.name))
		prefix = r.printer.paint(hues[r.next%len(hues)], fmt.Sprintf("%-*s |", r.width, plain(s.name))) + " "
		if !r.printer.tty {
			prefix = escape.Render(prefix)
		}
		r.next++
	}
	w := r.merger.Writer(prefix, r.keep)
	s.out, s.end = w, w.Flush
}

// remarkEmptied says that there is less in the log than the run wrote.
func (s *source) remarkEmptied(f *os.File, run int) {
	if at, ok := logs.Emptied(f); ok {
		s.remark("tasks: the log of %s, run %d, was emptied at %s while it ran, as '> /dev/stderr' does: use '>&2'", s.name, run, at.Local().Format("15:04:05"))
	}
}

// logLines is where lines of logs go. Those of one log are the bytes that its task
// has written; where several share a terminal, none may do more than colour its line.
func (p *printer) logLines(named bool) io.Writer {
	if named && p.tty {
		return colourful{p.out}
	}
	return p.raw
}

// colourful passes on lines of logs with no control sequences but colours.
type colourful struct{ w io.Writer }

func (c colourful) Write(b []byte) (int, error) {
	if _, err := c.w.Write(escape.Colours(b)); err != nil {
		return 0, err
	}
	return len(b), nil
}

// copy writes the last lines of a run (negative: all).
func (s *source) copy(run, lines int) error {
	if s.kept != nil {
		if err := s.fetch(context.Background(), run, lines, false); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("cannot show the output of %s: %w", s.name, err)
		}
		return nil
	}
	f, err := safeopen.Open(s.dir.Path(s.name, run))
	if errors.Is(err, fs.ErrNotExist) {
		if run == s.last.Run && s.last.PID > 0 {
			s.remark("tasks: the log of %s, run %d, was removed while it runs: what it writes is lost, a restart gives it a new one", s.name, run)
		}
		return nil // forgotten meanwhile, or it could not be made
	}
	if err == nil {
		defer f.Close()
		s.remarkEmptied(f, run)
		var from int64
		if from, err = logs.Tail(f, lines); err == nil {
			_, err = logs.Copy(s.out, f, from)
		}
	}
	if err != nil {
		return fmt.Errorf("cannot show the log of %s: %w", s.name, err)
	}
	return nil
}
