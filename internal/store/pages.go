package store

import (
	"bytes"
	"cmp"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"slices"

	"go.etcd.io/bbolt"
)

// This file reads a bbolt file without bbolt, which trusts what it reads: a
// damaged page can make it panic in a goroutine of its own, loop for ever, or
// overflow its stack, and none of these can be caught. What passes here is
// safe to hand to it, and what does not can still be read in part.

// The layout of bbolt's pages, version 2 of its file format.
const (
	headerSize   = 16 // id u64, flags u16, count u16, overflow u32
	elementSize  = 16 // leaf: flags, pos, ksize, vsize u32; branch: pos, ksize u32, id u64
	metaSize     = 64 // magic, version, page size, flags u32; root, sequence, freelist, end, txid, checksum u64
	bucketHeader = 16 // root, sequence u64; root 0: a page without an id follows

	magic       = 0xED0CDAED
	version     = 2
	branchFlag  = 0x01
	leafFlag    = 0x02
	freeFlag    = 0x10
	bucketFlag  = 0x01 // of an element
	noFreelist  = ^uint64(0)
	maxDepth    = 64
	minPageSize = 1 << 10
	maxPageSize = 1 << 24
)

// bbolt maps its structs onto the file: numbers are those of the machine.
func u16(b []byte) uint16 { return binary.NativeEndian.Uint16(b) }
func u32(b []byte) uint32 { return binary.NativeEndian.Uint32(b) }
func u64(b []byte) uint64 { return binary.NativeEndian.Uint64(b) }

// meta is a head of the file: the one with the higher txid is in force.
type meta struct {
	pageSize                  int64
	root, freelist, end, txid uint64
}

// pages is a bbolt file that is being read. The first damage is kept.
type pages struct {
	f      io.ReaderAt
	meta   meta
	seen   []bool   // by page id
	bufs   [][]byte // by depth
	damage error
	err    error // the file could not be read: no damage, but nothing to continue with
}

func (p *pages) fail(format string, args ...any) {
	if p.damage == nil {
		p.damage = fmt.Errorf(format, args...)
	}
}

// readAt fills b. Less than that in the file is damage.
func (p *pages) readAt(b []byte, off int64) bool {
	n, err := p.f.ReadAt(b, off)
	if n < len(b) && !errors.Is(err, io.EOF) {
		p.err = err
	}
	return n == len(b)
}

// openPages reads the heads of the file f with size bytes.
func openPages(f io.ReaderAt, size int64) (*pages, error) {
	p := &pages{f: f}
	metas := p.metas()
	if len(metas) == 0 {
		p.fail("it is not a database")
		return p, p.err
	}
	if len(metas) == 1 {
		p.fail("one of its two heads is damaged, its last change may be missing")
	}
	p.meta = slices.MaxFunc(metas, func(a, b meta) int { return cmp.Compare(a.txid, b.txid) })
	pages := uint64(size / p.meta.pageSize)
	if p.meta.end > pages {
		p.fail("it is cut off after page %d of %d", pages, p.meta.end)
		p.meta.end = pages
	}
	p.seen = make([]bool, p.meta.end)
	return p, p.err
}

// metas reads the heads, pages 0 and 1, that are sound.
func (p *pages) metas() []meta {
	var metas []meta
	if m, ok := p.readMeta(0); ok {
		metas = append(metas, m)
		if m, ok := p.readMeta(m.pageSize); ok {
			metas = append(metas, m)
		}
		return metas
	}
	for size := int64(minPageSize); size <= maxPageSize; size *= 2 {
		if m, ok := p.readMeta(size); ok && m.pageSize == size {
			return append(metas, m)
		}
	}
	return nil
}

func (p *pages) readMeta(off int64) (meta, bool) {
	var b [metaSize]byte
	if !p.readAt(b[:], off+headerSize) {
		return meta{}, false
	}
	h := fnv.New64a()
	h.Write(b[:56])
	m := meta{
		pageSize: int64(u32(b[8:])),
		root:     u64(b[16:]),
		freelist: u64(b[32:]),
		end:      u64(b[40:]),
		txid:     u64(b[48:]),
	}
	sound := u32(b[0:]) == magic && u32(b[4:]) == version && u64(b[56:]) == h.Sum64() &&
		m.pageSize >= minPageSize && m.pageSize <= maxPageSize && m.pageSize&(m.pageSize-1) == 0
	return m, sound
}

// read is page id with what overflows from it, until the next read at depth.
func (p *pages) read(id uint64, depth int) ([]byte, bool) {
	if id < 2 || id >= p.meta.end || depth >= maxDepth {
		p.fail("page %d is out of place", id)
		return nil, false
	}
	if p.seen[id] {
		p.fail("page %d is used twice", id)
		return nil, false
	}
	for len(p.bufs) <= depth {
		p.bufs = append(p.bufs, make([]byte, p.meta.pageSize))
	}
	b, off := p.bufs[depth][:p.meta.pageSize], int64(id)*p.meta.pageSize
	if !p.readAt(b, off) {
		p.fail("page %d cannot be read", id)
		return nil, false
	}
	overflow := uint64(u32(b[12:]))
	if u64(b) != id || id+overflow >= p.meta.end {
		p.fail("page %d has a wrong head", id)
		return nil, false
	}
	if overflow > 0 {
		b = make([]byte, int64(overflow+1)*p.meta.pageSize)
		if !p.readAt(b, off) {
			p.fail("page %d cannot be read", id)
			return nil, false
		}
	}
	for i := range overflow + 1 {
		if p.seen[id+i] {
			p.fail("page %d is used twice", id+i)
			return nil, false
		}
		p.seen[id+i] = true
	}
	return b, true
}

// visit is called with each element of a bucket. The bytes are only lent.
type visit func(isBucket bool, key, value []byte)

// bucket visits the elements of the bucket that is stored as value.
func (p *pages) bucket(value []byte, v visit) {
	if len(value) < bucketHeader {
		p.fail("a bucket is missing")
		return
	}
	if root := u64(value); root != 0 {
		p.tree(root, 0, nil, nil, v)
		return
	}
	inline := value[bucketHeader:]
	if len(inline) < headerSize || u16(inline[8:]) != leafFlag {
		p.fail("a bucket is damaged")
		return
	}
	p.leaf("a bucket", inline, nil, nil, v)
}

// tree visits what is below page id, where lo <= keys < hi; a nil hi is none.
func (p *pages) tree(id uint64, depth int, lo, hi []byte, v visit) {
	b, ok := p.read(id, depth)
	if !ok {
		return
	}
	what := fmt.Sprintf("page %d", id)
	switch u16(b[8:]) {
	case leafFlag:
		p.leaf(what, b, lo, hi, v)
	case branchFlag:
		p.branch(what, b, depth, lo, hi, v)
	default:
		p.fail("%s is not part of a tree", what)
	}
}

func (p *pages) leaf(what string, b, lo, hi []byte, v visit) {
	es := p.elements(what, b)
	for i := range es.count {
		e := es.at(i)
		key, value, ok := es.entry(i, u32(e[4:]), u32(e[8:]), u32(e[12:]))
		if !ok {
			p.fail("%s has an element out of place", what)
			continue
		}
		lo = p.order(what, key, lo, hi, i == 0)
		v(u32(e)&bucketFlag != 0, key, value)
	}
}

func (p *pages) branch(what string, b []byte, depth int, lo, hi []byte, v visit) {
	es := p.elements(what, b)
	keys := make([][]byte, es.count+1)
	keys[es.count] = hi
	for i := range es.count {
		e := es.at(i)
		key, _, ok := es.entry(i, u32(e), u32(e[4:]), 0)
		if !ok {
			p.fail("%s has an element out of place", what)
			return
		}
		lo = p.order(what, key, lo, hi, i == 0)
		keys[i] = key
	}
	if es.count == 0 {
		p.fail("%s has no branches", what)
	}
	for i := range es.count {
		p.tree(u64(es.at(i)[8:]), depth+1, keys[i], keys[i+1], v)
	}
}

// elements is those of a page: a table, then their keys and values without a
// gap. That no gap is left shows a wrong count.
type elements struct {
	page  []byte
	count int
	end   int // of the data that was taken
}

func (p *pages) elements(what string, page []byte) *elements {
	count := int(u16(page[10:]))
	table := page[headerSize:]
	if room := len(table) / elementSize; count > room {
		p.fail("%s has %d elements in the room of %d", what, count, room)
		count = room
	}
	if count == 0 && len(bytes.TrimLeft(table, "\x00")) > 0 { // bbolt clears its pages
		p.fail("%s has data but no elements", what)
	}
	return &elements{page, count, headerSize + count*elementSize}
}

// at is the entry i of the table.
func (es *elements) at(i int) []byte { return es.page[headerSize+i*elementSize:][:elementSize] }

// entry is the key and the value of element i, pos bytes after its entry.
func (es *elements) entry(i int, pos, keySize, valueSize uint32) (key, value []byte, ok bool) {
	start := uint64(headerSize+i*elementSize) + uint64(pos)
	middle := start + uint64(keySize)
	end := middle + uint64(valueSize)
	if keySize == 0 || keySize > bbolt.MaxKeySize || start < uint64(headerSize+es.count*elementSize) || end > uint64(len(es.page)) {
		return nil, nil, false
	}
	ok = start == uint64(es.end)
	es.end = int(end)
	return es.page[start:middle], es.page[middle:end], ok
}

// order checks that key is in its place after lo, and returns it as the next
// bound. The first of a page stands in its parent too: bbolt writes it twice if
// they differ.
func (p *pages) order(what string, key, lo, hi []byte, first bool) []byte {
	c := bytes.Compare(key, lo)
	if first && lo != nil && c != 0 || !first && c <= 0 || hi != nil && bytes.Compare(key, hi) >= 0 {
		p.fail("%s is not sorted", what)
	}
	return key
}

// freelist checks the list of free pages, when all trees have been visited:
// a page on it by mistake would be overwritten, and one that is neither on it
// nor in a tree was lost to its tree.
func (p *pages) freelist() {
	if p.meta.freelist == noFreelist {
		return
	}
	b, ok := p.read(p.meta.freelist, 0)
	if !ok {
		return
	}
	count, at := uint64(u16(b[10:])), uint64(headerSize)
	if count == 0xFFFF { // does not fit: stands before the list
		count, at = u64(b[at:]), at+8
	}
	if u16(b[8:]) != freeFlag || count > (uint64(len(b))-at)/8 {
		p.fail("the list of free pages is damaged")
		return
	}
	for i := range count {
		id := u64(b[at+8*i:])
		if id < 2 || id >= p.meta.end || p.seen[id] {
			p.fail("page %d is on the list of free pages", id)
			return
		}
		p.seen[id] = true
	}
	if id := slices.Index(p.seen[min(2, len(p.seen)):], false); id >= 0 {
		p.fail("page %d is not used", id+2)
	}
}
