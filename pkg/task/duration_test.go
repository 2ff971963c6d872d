package task_test

import (
	"encoding/json"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"tasks/pkg/task"
)

func TestParseDuration(t *testing.T) {
	t.Parallel()
	const day = 24 * time.Hour
	for text, want := range map[string]time.Duration{
		"0": 0, "10s": 10 * time.Second, "1h30m": 90 * time.Minute, "-5ms": -5 * time.Millisecond, "5µs": 5 * time.Microsecond,
		"1d": day, "1w": 7 * day, "2w3d": 17 * day, "1d12h30m": day + 12*time.Hour + 30*time.Minute, "12h1d": day + 12*time.Hour,
		"1.5d": 36 * time.Hour, ".5w": 84 * time.Hour, "0d": 0, "-1d": -day, "+1d1s": day + time.Second,
		"15250w": 15250 * 7 * day, "9223372036854775807ns": math.MaxInt64,
	} {
		got, err := task.ParseDuration(text)
		if err != nil || got != want {
			t.Errorf("%q is %s, %v; want %s", text, got, err, want)
		}
		if again, err := task.ParseDuration(got.String()); err != nil || again != got {
			t.Errorf("%s is read back as %s, %v", got, again, err)
		}
	}
	for _, text := range []string{
		"", "-", "+", "d", "1", "1 d", "1D", "1W", "1y", "1mo", "d1", "1d-2h", "--1d", "1d ", "1..5d", ".d", "1d2", "99999999w", "15251w", "106752d", "106751d24h", "1d\x00", "Infd", "0x1d", "1_0d",
		strings.Repeat("9", 1000) + "d",
	} {
		if got, err := task.ParseDuration(text); err == nil || !strings.Contains(err.Error(), "use a number with a unit") || len(err.Error()) > 200 {
			t.Errorf("%q is %s, %v", text, got, err)
		}
	}
}

func TestDurationJSON(t *testing.T) {
	t.Parallel()
	var s task.Spec
	if err := json.Unmarshal([]byte(`{"timeout":"1w","backoff":"1h..1d"}`), &s); err != nil || *s.Timeout != task.Duration(7*24*time.Hour) || s.Backoff.Max != 24*time.Hour {
		t.Fatalf("%+v, %v", s, err)
	}
	b, err := json.Marshal(s)
	if err != nil || !strings.Contains(string(b), `"backoff":"1h0m0s..24h0m0s","timeout":"168h0m0s"`) {
		t.Errorf("%s, %v", b, err)
	}
}

// Whoever reads a duration from outside knows the same units.
func TestOneDurationParser(t *testing.T) {
	t.Parallel()
	other := regexp.MustCompile(`time\.ParseDuration\(|\.DurationVarP?\(`)
	read := 0
	err := filepath.WalkDir("../..", func(path string, d os.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") || strings.Contains(path, "/examples/") || strings.HasSuffix(path, "pkg/task/duration.go") {
			return err
		}
		read++
		b, err := os.ReadFile(path)
		if found := other.Find(b); found != nil {
			t.Errorf("%s reads durations by %s: use task.ParseDuration", path, found)
		}
		return err
	})
	if err != nil || read < 50 {
		t.Errorf("%d files, %v", read, err)
	}
}
