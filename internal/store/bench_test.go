package store

import (
	"fmt"
	"path/filepath"
	"sync"
	"testing"

	"tasks/pkg/task"
)

func BenchmarkSave(b *testing.B) {
	s := mustOpen(b, filepath.Join(b.TempDir(), "db"))
	r := full(b, "a")
	b.ReportAllocs()
	for b.Loop() {
		save(b, s, r)
	}
}

func BenchmarkSaveParallel1000(b *testing.B) {
	s := mustOpen(b, filepath.Join(b.TempDir(), "db"))
	records := many(b, 1000)
	for b.Loop() {
		saveAll(b, s, records)
	}
}

// BenchmarkOpen opens and reads 10,000 records.
func BenchmarkOpen(b *testing.B) {
	s := mustOpen(b, filepath.Join(b.TempDir(), "db"))
	saveAll(b, s, many(b, 10_000))
	s.Close()
	for b.Loop() {
		s, _, err := Open(s.path)
		if err != nil {
			b.Fatal(err)
		}
		if got, err := s.Records(); err != nil || len(got) != 10_000 {
			b.Fatal(len(got), err)
		}
		s.Close()
	}
}

func many(b *testing.B, n int) []task.Record {
	records := make([]task.Record, n)
	for i := range records {
		f, r := full(b, ""), small(fmt.Sprintf("task-%05d", i))
		r.Spec.Env, r.Spec.Cwd, r.Ref, r.Runs = f.Spec.Env, f.Spec.Cwd, f.Ref, f.Runs[:1]
		records[i] = r
	}
	return records
}

func saveAll(b *testing.B, s *Store, records []task.Record) {
	var wg sync.WaitGroup
	for _, r := range records {
		wg.Go(func() {
			if err := s.Save(r); err != nil {
				b.Error(err)
			}
		})
	}
	wg.Wait()
}
