package task_test

import (
	"encoding/json"
	"math"
	"strings"
	"testing"

	"tasks/pkg/task"
)

func TestParseSize(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]task.Size{
		"0": 0, "none": 0, "None": 0, "1": 1, "1234": 1234, "1234B": 1234, "007": 7,
		"64MiB": 64 << 20, "64M": 64 << 20, "64mib": 64 << 20, "64 MiB": 64 << 20, " 64m ": 64 << 20,
		"10MB": 10e6, "512KiB": 512 << 10, "512k": 512 << 10, "1kB": 1000, "2GiB": 2 << 30, "3gb": 3e9, "1TiB": 1 << 40, "1TB": 1e12,
		"1.5KiB": 1536, "0.5G": 1 << 29, ".5K": 512, "9223372036854775807": math.MaxInt64,
	} {
		if got, err := task.ParseSize(text); err != nil || got != want {
			t.Errorf("%q is %d, %v; want %d", text, got, err, want)
		}
	}
	for _, text := range []string{
		"", " ", "MiB", "-1", "+1", "1e3", "1X", "1MM", "1iB", "1BM", "1.2.3", ".", "0x10", "1_000", "NaN", "Inf", "ten", "10MB/s",
		"9223372036854775808", "8388608TiB", "99999999999999999999MB", "1\x00", strings.Repeat("9", 1000),
	} {
		got, err := task.ParseSize(text)
		if err == nil || !strings.Contains(err.Error(), "use a number with a unit") || len(err.Error()) > 200 {
			t.Errorf("%q is %d, %v", text, got, err)
		}
	}
}

func TestSizeText(t *testing.T) {
	t.Parallel()
	for size, want := range map[task.Size]string{
		0: "none", 1: "1", 1000: "1KB", 1024: "1KiB", 1536: "1536", 64 << 20: "64MiB", 10e6: "10MB", 2 << 30: "2GiB", 1000 << 10: "1000KiB",
		math.MaxInt64: "9223372036854775807",
	} {
		if got := size.String(); got != want {
			t.Errorf("%d is written %s, want %s", int64(size), got, want)
		}
		var back task.Size
		text, err := json.Marshal(size)
		if err != nil || json.Unmarshal(text, &back) != nil || back != size {
			t.Errorf("%s came back as %d, %v", text, back, err)
		}
	}
	var s task.Spec
	if err := json.Unmarshal([]byte(`{"log_max_size":4096,"log_keep":0}`), &s); err != nil || *s.LogMaxSize != 4096 || *s.LogKeep != 0 {
		t.Errorf("%+v, %v", s, err)
	}
	if text, err := json.Marshal(s); err != nil || string(text) != `{"name":"","log_max_size":"4KiB","log_keep":0}` {
		t.Errorf("%s, %v", text, err)
	}
	for _, bad := range []string{`"big"`, `-1`, `true`, `1.5e3`, `{}`} {
		if err := json.Unmarshal([]byte(`{"log_max_size":`+bad+`}`), &s); err == nil {
			t.Errorf("%s is a size", bad)
		}
	}
}

func FuzzParseSize(f *testing.F) {
	for _, s := range []string{"64MiB", "10MB", "1.5g", "none", "-1", "K"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		size, err := task.ParseSize(text)
		if err != nil {
			return
		}
		if back, err := task.ParseSize(size.String()); size < 0 || err != nil || back != size {
			t.Errorf("%q is %d, and %s is %d, %v", text, size, size, back, err)
		}
	})
}
