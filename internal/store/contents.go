package store

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"sync"

	"tasks/pkg/task"
)

// The buckets, and the keys of meta.
const (
	metaBucket    = "meta"
	envsBucket    = "envs"
	recordsBucket = "records"
	groupsBucket  = "groups"
	removedBucket = "removed"
	changesBucket = "changes"
	formatKey     = "format"
	minReaderKey  = "min_reader"
	idKey         = "id"
	commitsKey    = "commits"
)

// contents is what a database holds, or what can still be read of it.
type contents struct {
	id        string
	format    int
	minReader int                 // 0: the file does not say
	commits   uint64              // 0: no program has counted them
	envs      map[string]task.Env // by key
	used      map[string]bool     // keys of envs
	records   []task.Record       // sorted by name, never nil
	groups    []task.Group        // sorted by name
	removed   map[string]task.Removed
	changes   []task.Change     // of files
	unknown   map[string]values // by bucket: what is of a later version
	damage    error             // nil: all of it was read
}

// values are those of a bucket, by key.
type values map[string][]byte

// unused reports whether there are environments that no record and no change has.
func (c *contents) unused() bool {
	for key := range c.envs {
		if !c.used[key] {
			return true
		}
	}
	return false
}

// read reads all of the file f with size bytes. The error is the system's, or about a newer
// format; what is wrong with the file itself is returned as damage.
func read(f io.ReaderAt, size int64) (*contents, error) {
	p, err := openPages(f, size)
	if err != nil {
		return nil, err
	}
	buckets := make(map[string][]byte)
	if p.meta.end > 0 {
		p.tree(p.meta.root, 0, nil, nil, func(isBucket bool, key, value []byte) {
			if isBucket {
				buckets[string(key)] = bytes.Clone(value)
			} else {
				p.fail("it has a stray value")
			}
		})
	}
	c := empty()
	if err := c.readMeta(p, buckets[metaBucket]); err != nil {
		return nil, err
	}
	p.bucket(buckets[envsBucket], func(_ bool, key, block []byte) {
		if !bytes.Equal(key, envKey(string(block))) {
			p.fail("an environment is damaged")
			return
		}
		c.envs[string(key)] = task.EnvBlock(string(block))
	})
	c.readRecords(p, buckets[recordsBucket])
	if groups := buckets[groupsBucket]; groups != nil || c.format > 1 {
		p.bucket(groups, func(_ bool, key, value []byte) {
			g, err := decodeGroup(string(key), value)
			if err != nil {
				p.fail("%w", err)
				return
			}
			c.groups = append(c.groups, g)
		})
		// As with the records: a damaged tree may lead to a name twice.
		slices.SortStableFunc(c.groups, func(a, b task.Group) int { return strings.Compare(a.Name, b.Name) })
		c.groups = slices.CompactFunc(c.groups, func(a, b task.Group) bool { return a.Name == b.Name })
	}
	if removed := buckets[removedBucket]; removed != nil || c.format > 2 {
		p.bucket(removed, func(_ bool, key, value []byte) {
			removed, err := decodeRemoved(string(key), value)
			if err != nil {
				p.fail("%w", err)
				return
			}
			c.removed[string(key)] = removed
		})
	}
	if changes := buckets[changesBucket]; changes != nil {
		p.bucket(changes, func(_ bool, key, value []byte) {
			change, used, err := decodeChange(string(key), value, c.envs)
			switch {
			case errors.Is(err, errNoEnv): // a program of before, which knows no changes, has dropped it
				return
			case err != nil:
				p.fail("%w", err)
				return
			}
			c.changes = append(c.changes, change)
			for _, key := range used {
				c.used[key] = true
			}
		})
	}
	for _, known := range []string{metaBucket, envsBucket, recordsBucket, groupsBucket, removedBucket, changesBucket} {
		delete(buckets, known)
	}
	for name, value := range buckets {
		c.unknown[name] = make(values)
		p.bucket(value, func(isBucket bool, key, value []byte) {
			if isBucket {
				p.fail("it has a bucket in a bucket")
				return
			}
			c.unknown[name][string(key)] = bytes.Clone(value)
		})
	}
	p.freelist()
	c.damage = p.damage
	return c, p.err
}

// empty is the contents of a database without an id.
func empty() *contents {
	return &contents{
		used: make(map[string]bool), envs: make(map[string]task.Env), records: []task.Record{},
		removed: make(map[string]task.Removed), unknown: make(map[string]values),
	}
}

func (c *contents) readMeta(p *pages, bucket []byte) error {
	meta, unknown := make(map[string]string), make(values)
	p.bucket(bucket, func(_ bool, key, value []byte) {
		b, err := unseal(value)
		if err != nil {
			p.fail("its %s: %w", key, err)
			return
		}
		switch string(key) {
		case formatKey, minReaderKey, idKey, commitsKey:
			meta[string(key)] = string(b)
		default:
			unknown[string(key)] = bytes.Clone(value)
		}
	})
	if len(unknown) > 0 {
		c.unknown[metaBucket] = unknown
	}
	format, err := strconv.Atoi(meta[formatKey])
	oldest := format
	if n, err := strconv.Atoi(meta[minReaderKey]); err == nil {
		oldest, c.minReader = n, n
	}
	switch {
	case oldest > Format:
		return fmt.Errorf("it has format %d, this program knows formats up to %d: use a newer version of tasks, or another state directory", max(format, oldest), Format)
	case err != nil || format < 1:
		p.fail("its format is not known")
	default:
		c.format = format
	}
	c.id = meta[idKey]
	if n, counted := meta[commitsKey]; counted {
		if c.commits, err = strconv.ParseUint(n, 10, 64); err != nil {
			p.fail("the number of its commits is lost")
		}
	}
	if len(c.id) != 16 || strings.Trim(c.id, "0123456789abcdef") != "" {
		p.fail("its id is lost")
	}
	return nil
}

// readRecords decodes the records in batches, while the file is read on:
// decoding is most of the time that opening takes.
func (c *contents) readRecords(p *pages, bucket []byte) {
	type entry struct {
		name   string
		value  []byte
		record task.Record
		envKey string
		err    error
	}
	const size = 256
	var batches [][]entry
	var wg sync.WaitGroup
	begin := func(batch []entry) {
		batches = append(batches, batch)
		wg.Go(func() {
			for i := range batch {
				e := &batch[i]
				e.record, e.envKey, e.err = decode(e.name, e.value, c.envs)
				e.value = nil
			}
		})
	}
	batch := make([]entry, 0, size)
	p.bucket(bucket, func(_ bool, key, value []byte) {
		batch = append(batch, entry{name: string(key), value: bytes.Clone(value)})
		if len(batch) == size {
			begin(batch)
			batch = make([]entry, 0, size)
		}
	})
	begin(batch)
	wg.Wait()
	c.records = make([]task.Record, 0, size*len(batches))
	for _, batch := range batches {
		for i := range batch {
			e := &batch[i]
			if e.err != nil {
				p.fail("%w", e.err)
				continue
			}
			c.records = append(c.records, e.record)
			c.used[e.envKey] = true
		}
	}
	// A damaged tree may lead to a name twice.
	c.records = slices.CompactFunc(sorted(c.records), func(a, b task.Record) bool { return a.Spec.Name == b.Spec.Name })
}
