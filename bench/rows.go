package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

func list10(l *lab) (string, error) { return l.listing(10, 300, l.bare) }

func list10plain(l *lab) (string, error) { return l.listing(10, 300, l.plain) }

func list1000(l *lab) (string, error) { return l.listing(1000, 100, l.bare) }

// listing compares n lists of so many tasks with as many by the bare client.
func (l *lab) listing(tasks, n int, bare string) (string, error) {
	if _, err := l.sleeps(tasks); err != nil {
		return "", err
	}
	return l.ratio(n,
		func() (time.Duration, error) { return timed(l.cmd(l.tasks, "list")) },
		func() (time.Duration, error) { return timed(l.cmd(bare, l.socket)) })
}

func oneStart(l *lab) (string, error) {
	n := 0
	return l.ratio(200,
		func() (time.Duration, error) {
			n++
			return timed(l.cmd(l.tasks, "start", "s"+strconv.Itoa(n), "--", "sleep", "600"))
		},
		func() (time.Duration, error) { return timed(l.cmd(l.bare, l.socket)) })
}

func starts1000(l *lab) (string, error) {
	if l.spawn == "" {
		return "", errNoCompiler
	}
	return l.ratio(10,
		func() (time.Duration, error) {
			d, err := l.sleeps(1000)
			if err != nil {
				return d, err
			}
			all := task.Selector{All: true}
			_, err = l.client.Remove(context.Background(), client.RemoveOptions{Selector: all, Force: true})
			return d, err
		},
		func() (time.Duration, error) {
			d, _, err := l.loop(1000)
			return d, err
		})
}

// loop is how long a C loop takes to start n processes, and to end them.
func (l *lab) loop(n int) (start, stop time.Duration, err error) {
	dir, err := os.MkdirTemp(l.dir, "logs")
	if err != nil {
		return 0, 0, err
	}
	defer os.RemoveAll(dir)
	out, err := l.cmd(l.spawn, dir, strconv.Itoa(n), "sleep", "600").Output()
	if err != nil {
		return 0, 0, err
	}
	var a, b float64
	if _, err := fmt.Sscan(string(out), &a, &b); err != nil {
		return 0, 0, err
	}
	return time.Duration(a * float64(time.Second)), time.Duration(b * float64(time.Second)), nil
}

func memory(l *lab) (string, error) {
	before, _, _, err := l.supervisor()
	if err != nil {
		return "", err
	}
	if _, err := l.sleeps(1000); err != nil {
		return "", err
	}
	at, _, _, err := l.supervisor()
	if err != nil {
		return "", err
	}
	time.Sleep(4 * time.Second) // a second after a burst its memory is given back
	after, _, _, err := l.supervisor()
	return fmt.Sprintf("**%.1f KiB** (RSS %.1f MiB empty, %.1f MiB with 1,000; %.1f MiB as the last had begun)", float64(after-before)/1000, float64(before)/1024, float64(after)/1024, float64(at)/1024), err
}

func threads(l *lab) (string, error) {
	if _, err := l.sleeps(5000); err != nil {
		return "", err
	}
	_, n, _, err := l.supervisor()
	return fmt.Sprintf("**%d**", n), err
}

func idle(l *lab) (string, error) {
	if _, err := l.sleeps(1000); err != nil {
		return "", err
	}
	length := 20 * time.Second
	if l.quick {
		length = 2 * time.Second
	}
	// What starting them left to collect is not idling.
	time.Sleep(2 * time.Second)
	_, _, before, err := l.supervisor()
	if err != nil {
		return "", err
	}
	time.Sleep(length)
	_, _, after, err := l.supervisor()
	return fmt.Sprintf("**%.1f ms** in %s", (after-before).Seconds()*1e3, length), err
}

func stop1000(l *lab) (string, error) {
	if l.spawn == "" {
		return "", errNoCompiler
	}
	return l.ratio(9,
		func() (time.Duration, error) {
			if _, err := l.sleeps(1000); err != nil {
				return 0, err
			}
			begin := time.Now()
			stopped, err := l.client.Stop(context.Background(), client.StopOptions{Selector: task.Selector{All: true}})
			if err == nil && len(stopped) != 1000 {
				err = fmt.Errorf("stopped %d", len(stopped))
			}
			return time.Since(begin), err
		},
		func() (time.Duration, error) {
			_, d, err := l.loop(1000)
			return d, err
		})
}

func output(l *lab) (string, error) { return l.output("--log-max-size", "none") }

func capped(l *lab) (string, error) { return l.output("--log-max-size", "64MiB") }

func (l *lab) output(flags ...string) (string, error) {
	if l.lines == "" {
		return "", errNoCompiler
	}
	size := "1073741800"
	if l.quick {
		size = "107374100"
	}
	runs, used := 0, time.Duration(0)
	got, err := l.ratio(7,
		func() (time.Duration, error) {
			runs++
			defer l.cmd(l.tasks, "-q", "rm", "w").Run()
			_, _, before, err := l.supervisor()
			if err != nil {
				return 0, err
			}
			args := append([]string{"-q", "start", "w", "--wait"}, flags...)
			took, err := timed(l.cmd(l.tasks, append(args, "--", l.lines, size)...))
			if err != nil {
				return 0, err
			}
			_, _, after, err := l.supervisor()
			used += after - before
			return took, err
		},
		func() (time.Duration, error) {
			path := filepath.Join(l.dir, "out")
			defer os.Remove(path)
			f, err := os.Create(path)
			if err != nil {
				return 0, err
			}
			defer f.Close()
			c := l.cmd(l.lines, size)
			c.Stdout = f
			return timed(c)
		})
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("%s; supervisor CPU %.1f ms per run, start and end included", got, used.Seconds()*1e3/float64(runs)), nil
}
