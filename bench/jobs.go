package main

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

const jobGroup = "jobs"

// queue queues n jobs of `true` in one request, while their group has no slots,
// and returns how long that took.
func (l *lab) queue(n int) (time.Duration, error) {
	if err := l.slots(0); err != nil {
		return 0, err
	}
	inputs := make([]string, n)
	for i := range inputs {
		inputs[i] = strconv.Itoa(i)
	}
	begin := time.Now()
	_, err := l.client.StartEach(context.Background(), task.Spec{Name: "j-{#}", Command: []string{"true"}, Group: jobGroup}, inputs, 1)
	return time.Since(begin), err
}

func (l *lab) slots(n int) error {
	_, err := l.client.SetGroup(context.Background(), client.GroupOptions{Name: jobGroup, Slots: &task.Slots{N: &n}})
	return err
}

func (l *lab) forget() error {
	_, err := l.client.Remove(context.Background(), client.RemoveOptions{Selector: task.Selector{All: true}, Force: true})
	return err
}

func queue10000(l *lab) (string, error) {
	var all []float64
	for range l.rounds(5) {
		d, err := l.queue(10_000)
		if err != nil {
			return "", err
		}
		all = append(all, d.Seconds())
		if err := l.forget(); err != nil {
			return "", err
		}
	}
	return fmt.Sprintf("**%.2f s**", median(all)), nil
}

func idleQueue(l *lab) (string, error) {
	before, _, _, err := l.supervisor()
	if err != nil {
		return "", err
	}
	if _, err := l.queue(10_000); err != nil {
		return "", err
	}
	time.Sleep(4 * time.Second) // a pending collection is not idling
	rss, _, cpu, err := l.supervisor()
	if err != nil {
		return "", err
	}
	length := 20 * time.Second
	if l.quick {
		length = 2 * time.Second
	}
	time.Sleep(length)
	_, _, after, err := l.supervisor()
	return fmt.Sprintf("**%.1f ms** in %s; %.1f KiB each", (after-cpu).Seconds()*1e3, length, float64(rss-before)/10_000), err
}

// jobs is how long n queued jobs take through two slots.
func (l *lab) jobs(n int) (time.Duration, error) {
	if _, err := l.queue(n); err != nil {
		return 0, err
	}
	begin := time.Now()
	if err := l.slots(2); err != nil {
		return 0, err
	}
	if _, err := l.client.Wait(context.Background(), client.WaitOptions{Selector: task.Selector{Group: jobGroup}}); err != nil {
		return 0, err
	}
	d := time.Since(begin)
	return d, l.forget()
}

// loopJobs is how long a C loop takes for n jobs, two at a time. They have an
// argument, as those of each have: without one true does not load its language.
func (l *lab) loopJobs(n int) (time.Duration, error) {
	dir, err := os.MkdirTemp(l.dir, "logs")
	if err != nil {
		return 0, err
	}
	defer os.RemoveAll(dir)
	c := l.cmd(l.spawn, dir, strconv.Itoa(n), "true", "0")
	c.Env = append(c.Env, "WAIT=1")
	return timed(c)
}

// jobRate compares rates: more than 1 is more jobs per second than the other.
func jobRate(n int, other func(l *lab, n int) (time.Duration, error)) func(*lab) (string, error) {
	return func(l *lab) (string, error) {
		n := n
		if l.quick {
			n /= 20
		}
		if l.spawn == "" {
			return "", errNoCompiler
		}
		got, err := l.ratio(5,
			func() (time.Duration, error) { return other(l, n) },
			func() (time.Duration, error) { return l.jobs(n) })
		return strings.Replace(got, "medians", fmt.Sprintf("%d jobs: the other's median and ours", n), 1), err
	}
}

// piped runs a tool that takes an input per line, unless it is not there.
func piped(name string, args ...string) func(*lab, int) (time.Duration, error) {
	return func(l *lab, n int) (time.Duration, error) {
		if _, err := exec.LookPath(name); err != nil {
			return 0, errNotThere
		}
		var in strings.Builder
		for i := range n {
			fmt.Fprintln(&in, i)
		}
		c := l.cmd(name, args...)
		c.Stdin = strings.NewReader(in.String())
		return timed(c)
	}
}

// spooler runs n jobs through task-spooler, which is a command per job.
func spooler(l *lab, n int) (time.Duration, error) {
	if _, err := exec.LookPath("tsp"); err != nil {
		return 0, errNotThere
	}
	script := fmt.Sprintf("export TS_SOCKET=%s/tsp TS_MAXFINISHED=10 TS_SLOTS=2 TS_SAVELIST=; for i in $(seq %d); do last=$(tsp -n true $i); done; tsp -w $last; tsp -K", l.dir, n)
	return timed(l.cmd("sh", "-c", script))
}
