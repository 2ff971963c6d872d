package events

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"time"

	"github.com/fsnotify/fsnotify"
)

// poll is how often is looked where the system cannot watch.
const poll = 200 * time.Millisecond

// Follow yields what is added to the history after it was opened, in order and
// each event once, through rotations and from one supervisor to the next. It
// ends with the error of ctx, of yield, or of the disk.
func (r *Reader) Follow(ctx context.Context, yield func([]Event) error) error {
	changed, tick, stop := watch(r.dir)
	defer stop()
	for {
		if err := r.more(yield); err != nil {
			return err
		}
		select {
		case <-changed:
		case <-tick:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// watch tells when to look into dir again.
func watch(dir string) (changed <-chan struct{}, tick <-chan time.Time, stop func()) {
	w, err := fsnotify.NewWatcher()
	if err == nil {
		if err = w.Add(dir); err != nil {
			w.Close()
		}
	}
	if err != nil {
		t := time.NewTicker(poll)
		return nil, t.C, t.Stop
	}
	signal := make(chan struct{}, 1)
	go func() {
		for events, errs := w.Events, w.Errors; ; {
			select {
			case e, ok := <-events:
				if !ok {
					return
				}
				if e.Name != newest(dir) {
					continue // of the database, say
				}
			case _, ok := <-errs: // events were lost
				if !ok {
					return
				}
			}
			select {
			case signal <- struct{}{}:
			default:
			}
		}
	}()
	return signal, nil, func() { w.Close() }
}

// more yields what there is.
func (r *Reader) more(yield func([]Event) error) error {
	for {
		// Asked before the file is read: when it is the older one, it is whole.
		now, err := os.Stat(newest(r.dir))
		if errors.Is(err, fs.ErrNotExist) {
			now, err = nil, nil
		}
		if err != nil {
			return fmt.Errorf("cannot follow the history: %w", err)
		}
		if r.cur != nil {
			if r.pos, err = r.forward(r.cur, r.pos, yield); err != nil {
				return err
			}
			if have, err := r.cur.Stat(); now == nil || err == nil && os.SameFile(have, now) {
				return nil
			}
		}
		if now == nil {
			return nil
		}
		if err := r.step(yield); err != nil {
			return err
		}
	}
}

// step continues with the newest file, after the older one if it had another.
func (r *Reader) step(yield func([]Event) error) error {
	next, err := openOld(newest(r.dir))
	if next == nil {
		if err != nil {
			err = fmt.Errorf("cannot follow the history: %w", err)
		}
		return err // or it is gone again, and will be there
	}
	between, err := openOld(older(r.dir))
	if err != nil {
		next.Close()
		return fmt.Errorf("cannot follow the history: %w", err)
	}
	if between != nil {
		defer between.Close()
		if !sameFile(between, r.cur) && !sameFile(between, next) {
			r.long = false
			if _, err := r.forward(between, 0, yield); err != nil {
				next.Close()
				return err
			}
		}
	}
	if r.cur != nil {
		r.cur.Close()
	}
	r.cur, r.pos, r.long = next, 0, false
	return nil
}

// forward yields the whole lines from pos on, and returns where it came to.
func (r *Reader) forward(f *os.File, pos int64, yield func([]Event) error) (int64, error) {
	if info, err := f.Stat(); err == nil && info.Size() < pos {
		pos, r.long = 0, false // it was emptied; what was yielded before is known by its number
	}
	buf := make([]byte, maxLine)
	for {
		n, err := f.ReadAt(buf, pos)
		if err != nil && !errors.Is(err, io.EOF) {
			return pos, fmt.Errorf("cannot follow the history: %w", err)
		}
		whole := bytes.LastIndexByte(buf[:n], '\n') + 1
		if whole == 0 && n == len(buf) {
			pos, r.long = pos+int64(n), true // no line of this history's
			continue
		}
		if whole == 0 {
			return pos, nil
		}
		var events []Event
		for line := range bytes.Lines(buf[:whole]) {
			if r.long {
				r.long = false
				continue
			}
			e, ok := parse(line[:len(line)-1])
			if ok && e.Seq == 1 {
				r.last = 0 // all was deleted, and numbers start at 1 again
			}
			if ok && e.Seq > r.last {
				r.last = e.Seq
				events = append(events, e)
			}
		}
		pos += int64(whole)
		if len(events) > 0 {
			if err := yield(events); err != nil {
				return pos, err
			}
		}
	}
}
