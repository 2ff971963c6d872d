package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/signal"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

var errInterrupted = errors.New("interrupted")

// The remark after an interrupt: of a command that waits, and of one that has
// requested a change.
const (
	unchanged = "the tasks stay as they are"
	asked     = "the supervisor carries it out"
)

// waitAgain is unchanged, with the command that waits for the same tasks.
func waitAgain(names []string, groups groupNames, all bool) string {
	words := slices.Clone(names)
	for _, g := range groups {
		words = append(words, "-g", g)
	}
	if all {
		words = append(words, "--all")
	}
	if len(words) > 8 { // too long for a line
		return unchanged
	}
	return fmt.Sprintf("%s: 'tasks wait %s' waits for them again", unchanged, strings.Join(words, " "))
}

// untilInterrupt is a context that Ctrl-C or TERM ends with errInterrupted and
// the remark then. A second one ends the command at once.
func untilInterrupt(then string) (context.Context, func()) {
	ctx, cancel := context.WithCancelCause(context.Background())
	sig := make(chan os.Signal, 1)
	signal.Notify(sig, syscall.SIGINT, syscall.SIGTERM)
	go func() {
		select {
		case <-sig:
			signal.Stop(sig)
			cancel(fmt.Errorf("%w: %s", errInterrupted, then))
		case <-ctx.Done():
		}
	}()
	return ctx, func() {
		signal.Stop(sig)
		cancel(nil)
	}
}

// evenThen is ctx, or once that has ended one that lasts a moment longer, to ask
// how things are then.
func evenThen(ctx context.Context) (context.Context, context.CancelFunc) {
	if ctx.Err() == nil {
		return context.WithCancel(ctx)
	}
	return context.WithTimeoutCause(context.Background(), 2*time.Second, context.Cause(ctx))
}

// beforeSignalled has undo done before a signal ends this process, or by the function
// that it returns.
func beforeSignalled(undo func()) (done func()) {
	sig := make(chan os.Signal, 1)
	for _, s := range []os.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGQUIT} {
		if !signal.Ignored(s) {
			signal.Notify(sig, s)
		}
	}
	var once sync.Once
	go func() {
		if s, ok := <-sig; ok {
			once.Do(undo)
			signal.Reset(s)
			syscall.Kill(os.Getpid(), s.(syscall.Signal))
		}
	}()
	return func() {
		signal.Stop(sig)
		close(sig) // one that has come is taken still
		once.Do(undo)
	}
}
