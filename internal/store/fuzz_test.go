package store

import (
	"bytes"
	"encoding/binary"
	"hash/fnv"
	"path/filepath"
	"testing"

	"tasks/pkg/task"
)

func FuzzDecode(f *testing.F) {
	a, _ := encode(full(f, "a"), envKey("A=b\x00"))
	b, _ := encode(small("a"), nil)
	for _, sealed := range [][]byte{a, b, seal(nil), seal([]byte("null")),
		seal([]byte(`{"spec":{"name":"a","later":1},"ref":{"later":{}},"runs":[{"later":""},null],"later":null}`)), seal([]byte(`{"spec":{"name":"a","env":{"A":"b"}},"env_key":"0g"}`))} {
		f.Add(sealed[4:])
	}
	envs := map[string]task.Env{string(envKey("A=b\x00")): task.EnvBlock("A=b\x00")}
	f.Fuzz(func(t *testing.T, b []byte) {
		decode("a", b, envs) // must not panic
		r, key, err := decode("a", seal(b), envs)
		if err != nil {
			return
		}
		if r.Spec.Name != "a" || r.Spec.Env.Given() != (key != "") {
			t.Errorf("got %+v, key %x", r, key)
		}
		var k []byte
		if key != "" {
			k = []byte(key)
		}
		first, err := encode(r, k)
		if err != nil {
			return // a time beyond the year 9999
		}
		if again, _, err := decode("a", first, envs); err == nil {
			if second, _ := encode(again, k); !bytes.Equal(first, second) {
				t.Errorf("%s\nbecomes\n%s", first, second)
			}
		}
	})
}

func FuzzRead(f *testing.F) {
	files := [][]byte{readAll(f, filepath.Join("testdata", "format1.db")), readAll(f, filepath.Join("testdata", "format2.db")), readAll(f, filepath.Join("testdata", "format3.db"))}
	const page = 4096 // of the machine that made the file
	f.Add(uint16(0), uint64(0), uint16(0), uint64(0))
	for _, at := range []uint16{16, page + 16 + 40, 2*page + 8, 3*page + 10, 3*page + 32} {
		f.Add(at, uint64(1), at+16, uint64(0x010101))
	}
	f.Fuzz(func(t *testing.T, at1 uint16, x1 uint64, at2 uint16, x2 uint64) {
		for _, b := range files {
			b = bytes.Clone(b)
			for i := range 8 {
				b[(int(at1)+i)%len(b)] ^= byte(x1 >> (8 * i))
				b[(int(at2)+i)%len(b)] ^= byte(x2 >> (8 * i))
			}
			for at := int64(0); at < 2*page; at += page { // else only the heads are ever tried
				sum := fnv.New64a()
				sum.Write(b[at+headerSize:][:56])
				binary.NativeEndian.PutUint64(b[at+headerSize+56:], sum.Sum64())
			}
			c, err := read(bytes.NewReader(b), int64(len(b))) // must neither panic nor hang
			if err != nil {
				continue
			}
			if !increase(c.records, func(r task.Record) string { return r.Spec.Name }) || !increase(c.groups, func(g task.Group) string { return g.Name }) {
				t.Errorf("not each name once, sorted: %+v, %+v", c.records, c.groups)
			}
		}
	})
}

// increase reports whether the names of all are sorted and each is there once.
func increase[T any](all []T, name func(T) string) bool {
	for i := range len(all) - 1 {
		if name(all[i]) >= name(all[i+1]) {
			return false
		}
	}
	return true
}

func FuzzDecodeGroup(f *testing.F) {
	a, _ := encodeGroup(fullGroup("a"))
	for _, sealed := range [][]byte{a, seal([]byte(`{"name":"a","slots":-1,"later":{}}`)), seal([]byte("null"))} {
		f.Add(sealed[4:])
	}
	f.Fuzz(func(t *testing.T, b []byte) {
		decodeGroup("a", b) // must not panic
		g, err := decodeGroup("a", seal(b))
		if err != nil {
			return
		}
		if g.Name != "a" {
			t.Errorf("got %+v", g)
		}
		first, err := encodeGroup(g)
		if err != nil {
			t.Fatal(err)
		}
		again, err := decodeGroup("a", first)
		if second, _ := encodeGroup(again); err != nil || !bytes.Equal(first, second) {
			t.Errorf("%s\nbecomes\n%s, %v", first, second, err)
		}
	})
}
