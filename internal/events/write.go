package events

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"

	"tasks/internal/safeopen"
	"tasks/pkg/task"
)

// maxPending is how many bytes of events wait for a disk that takes none; what
// comes on top is counted.
const maxPending = 1 << 20

// A writer appends to the history in a directory. It is the only one there.
type writer struct {
	dir     string
	max     int64        // MaxFile but in tests
	owned   func() error // see Sources; nil: always
	seq     uint64
	pending bytes.Buffer
	encoder *json.Encoder // to pending
	missed  uint64
	killed  int // pid of the supervisor before, if it did not say that it ended
}

// newWriter appends after the last event in dir. The error is why that is unknown:
// then the numbers start at 1 again.
func newWriter(dir string) (*writer, error) {
	w := &writer{dir: dir, max: MaxFile}
	w.encoder = json.NewEncoder(&w.pending)
	w.encoder.SetEscapeHTML(false)
	r, err := Open(dir)
	if err != nil {
		return w, err
	}
	defer r.Close()
	for e, err := range r.Back() {
		if w.seq == 0 {
			if w.seq = e.Seq; err != nil || e.Event == Ending {
				return w, err
			}
		}
		if e.Event == Serving {
			w.killed = e.PID
			break
		}
	}
	return w, nil
}

// add numbers the event and has it wait for the next flush.
func (w *writer) add(e Event) {
	if w.missed > 0 || w.pending.Len() > maxPending {
		w.missed++
		return
	}
	w.seq++
	e.Seq = w.seq
	_ = w.encoder.Encode(e) // to memory
}

// miss says in the history that there were so many more events.
func (w *writer) miss(at task.Time, n uint64) {
	w.add(Event{At: at, Event: Missed, Missed: n})
	if w.missed > 0 { // nor could that be said
		w.missed += n - 1
	}
}

// flush writes what waits; if that fails it keeps waiting.
func (w *writer) flush() error {
	for {
		n, err := w.write(w.pending.Bytes())
		w.pending.Next(n)
		if err != nil {
			return err
		}
		if w.pending.Cap() > maxLine {
			w.pending = bytes.Buffer{} // of many events, which are rare
		}
		if w.missed == 0 {
			return nil
		}
		missed := w.missed
		w.missed = 0
		w.miss(task.Now(), missed)
	}
}

// write appends b, which is whole lines, and returns how much of it is there
// then: whole lines as well. The file is opened for each batch, so that there is
// one again where a user has deleted it.
func (w *writer) write(b []byte) (int, error) {
	if len(b) == 0 {
		return 0, nil
	}
	if w.owned != nil {
		if err := w.owned(); err != nil {
			return 0, err
		}
	}
	f, size, err := openFile(w.dir)
	if err == nil && size > 0 && size+int64(len(b)) > w.max {
		f.Close()
		if err = os.Rename(newest(w.dir), older(w.dir)); err == nil {
			f, size, err = openFile(w.dir)
		}
	}
	if err != nil {
		return 0, err
	}
	defer f.Close()
	n, err := f.Write(b)
	if err != nil {
		n = bytes.LastIndexByte(b[:n], '\n') + 1
		_ = f.Truncate(size + int64(n)) // else the next write does
	}
	return n, err
}

// openFile opens the newest file to append to, for its owner alone, and takes
// off the beginning of a line that a full disk, or a crash, has torn.
func openFile(dir string) (*os.File, int64, error) {
	f, err := safeopen.OpenOwn(newest(dir), os.O_RDWR|os.O_APPEND|os.O_CREATE)
	if err != nil {
		return nil, 0, err
	}
	var size, whole int64
	info, err := f.Stat()
	if err == nil {
		size = info.Size()
		whole, err = wholeLines(f, size)
	}
	if err == nil && whole < size {
		err = f.Truncate(whole)
	}
	if err != nil {
		f.Close()
		return nil, 0, err
	}
	return f, whole, nil
}

// wholeLines is where the last line that is ended before size ends; 0 where
// there is none.
func wholeLines(r io.ReaderAt, size int64) (int64, error) {
	b := make([]byte, 1)
	for end := size; end > 0; {
		low := max(0, end-int64(len(b)))
		part := b[:end-low]
		if _, err := r.ReadAt(part, low); err != nil && !errors.Is(err, io.EOF) {
			return 0, err
		}
		if i := bytes.LastIndexByte(part, '\n'); i >= 0 {
			return low + int64(i) + 1, nil
		}
		if end = low; len(b) == 1 { // all but always the first byte is it
			b = make([]byte, maxLine)
		}
	}
	return 0, nil
}
