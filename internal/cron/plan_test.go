package cron

import (
	"errors"
	"math"
	"math/big"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"tasks/pkg/task"
)

func TestZone(t *testing.T) {
	t.Parallel()
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		when task.When
		want string
	}{
		{task.When{}, ""},
		{task.When{Every: new(task.Duration(time.Hour))}, ""},
		{task.When{Cron: "0 3 * * *"}, "Europe/Berlin"},
		{task.When{Cron: "CRON_TZ=Asia/Tokyo 0 3 * * *"}, "Asia/Tokyo"},
		{task.When{At: "00:00"}, "Europe/Berlin"},
		{task.When{At: "2030-01-02T15:04:05Z"}, ""},
	} {
		p, err := New(tt.when, berlin)
		if err != nil {
			t.Fatal(err)
		}
		got := ""
		if zone := p.Zone(); zone != nil {
			got = zone.String()
		}
		if got != tt.want {
			t.Errorf("%+v: %q, want %q", tt.when, got, tt.want)
		}
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 10, 24, 12, 0, 0, 0, time.UTC)
	berlin, err := time.LoadLocation("Europe/Berlin")
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct {
		when task.When
		want string
	}{
		{task.When{Cron: "30 2 * * *"}, "10-25 02:30:00 +0200, 10-26 02:30:00 +0100, 10-27 02:30:00 +0100"}, // the clock shows it twice
		{task.When{Every: new(task.Duration(time.Hour))}, "10-24 12:00:00 +0000, 10-24 13:00:00 +0000, 10-24 14:00:00 +0000"},
		{task.When{Every: new(task.Duration(time.Hour)), Delay: new(task.Duration(time.Minute))}, "10-24 12:01:00 +0000, 10-24 13:01:00 +0000, 10-24 14:01:00 +0000"},
		{task.When{At: "18:30"}, "10-24 18:30:00 +0200"},
		{task.When{}, "10-24 12:00:00 +0000"},
	} {
		p, err := New(tt.when, berlin)
		if err != nil {
			t.Fatal(err)
		}
		times, err := p.Times(now, 3)
		var got []string
		for _, at := range times {
			got = append(got, at.Format("01-02 15:04:05 -0700"))
		}
		if text := strings.Join(got, ", "); text != tt.want || err != nil {
			t.Errorf("%+v: %s, %v, want %s", tt.when, text, err, tt.want)
		}
	}
	if p, _ := New(task.When{At: "2020-01-02T15:04:05Z"}, berlin); true {
		if _, err := p.Times(now, 3); !errors.Is(err, ErrPassed) {
			t.Errorf("of a time that has passed: %v", err)
		}
	}
}

func TestEvery(t *testing.T) {
	t.Parallel()
	anchor := instant(t, "2026-01-01T00:00:00.25Z")
	tests := []struct {
		d     time.Duration
		after string
		want  string
	}{
		{time.Hour, "2026-01-01T00:00:00.25Z", "2026-01-01T01:00:00.25Z"},
		{time.Hour, "2025-06-01T00:00:00Z", "2026-01-01T01:00:00.25Z"},
		{time.Hour, "2026-01-01T00:30:00Z", "2026-01-01T01:00:00.25Z"},
		{time.Hour, "2026-01-01T01:00:00.25Z", "2026-01-01T02:00:00.25Z"},
		{time.Hour, "2026-01-01T01:00:00Z", "2026-01-01T01:00:00.25Z"},
		{7 * time.Second, "2026-01-01T00:10:00Z", "2026-01-01T00:10:02.25Z"},
		{time.Hour, "9999-01-01T00:10:00Z", "9999-01-01T01:00:00.25Z"},
		{math.MaxInt64, "2026-01-01T00:10:00Z", "2318-04-12T23:47:17.104775807Z"},
		{1, "9999-01-01T00:10:00Z", "9999-01-01T00:10:00.000000001Z"},
		{0, "2026-01-01T00:10:00Z", "0001-01-01T00:00:00Z"},
		{-1, "2026-01-01T00:10:00Z", "0001-01-01T00:00:00Z"},
	}
	for _, tt := range tests {
		if got, want := Every(anchor, tt.d, instant(t, tt.after)), instant(t, tt.want); !got.Equal(want) {
			t.Errorf("each %v after %s: got %v, want %v", tt.d, tt.after, got, want)
		}
	}
}

// TestEveryAtAnyDistance compares with numbers that do not overflow.
func TestEveryAtAnyDistance(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(3, 0))
	nanos := func(at time.Time) *big.Int {
		n := new(big.Int).Mul(big.NewInt(at.Unix()), big.NewInt(1e9))
		return n.Add(n, big.NewInt(int64(at.Nanosecond())))
	}
	for range 2000 {
		anchor := time.Unix(r.Int64N(1<<r.IntN(40)+1), r.Int64N(1e9))
		after := anchor.Add(time.Duration(r.Int64N(1<<r.IntN(62)+1))).AddDate(r.IntN(3000), 0, 0)
		d := time.Duration(1 + r.Int64N(1<<r.IntN(62)))
		next := Every(anchor, d, after)
		gap := new(big.Int).Sub(nanos(next), nanos(after))
		steps, rest := new(big.Int).DivMod(new(big.Int).Sub(nanos(next), nanos(anchor)), big.NewInt(int64(d)), new(big.Int))
		first := steps.Cmp(big.NewInt(1)) == 0 && gap.Sign() > 0
		if rest.Sign() != 0 || gap.Sign() <= 0 || gap.Cmp(big.NewInt(int64(d))) > 0 && !first {
			t.Fatalf("anchor %v, each %v, after %v: %v", anchor, d, after, next)
		}
	}
}

func TestMissed(t *testing.T) {
	t.Parallel()
	from := instant(t, "2026-01-01T00:00:00Z")
	s := mustParse(t, "* * * * *")
	next := func(at time.Time) time.Time { return s.Next(at, time.UTC) }
	none := func(time.Time) time.Time { return time.Time{} }
	tests := []struct {
		next func(time.Time) time.Time
		now  time.Time
		most int
		want int
	}{
		{next, from.Add(-time.Hour), 1000, 0},
		{next, from, 1000, 0},
		{next, from.Add(time.Minute - 1), 1000, 0},
		{next, from.Add(time.Minute), 1000, 1},
		{next, from.Add(3*time.Minute + 1), 1000, 3},
		{next, from.AddDate(1, 0, 0), 1000, 1000},
		{next, from.AddDate(1, 0, 0), 0, 0},
		{none, from.AddDate(1, 0, 0), 1000, 0},
	}
	for _, tt := range tests {
		if got := Missed(tt.next, from, tt.now, tt.most); got != tt.want {
			t.Errorf("up to %v: got %d, want %d", tt.now, got, tt.want)
		}
	}
}

func TestAt(t *testing.T) {
	t.Parallel()
	tests := []struct{ text, now, zone, want string }{ // want: a time, or part of the error
		{"2026-05-01T12:00:00Z", "2026-05-01T11:59:59Z", "Europe/Berlin", "2026-05-01T14:00:00+02:00"},
		{"2026-05-01T12:00:00Z", "2026-05-01T12:00:00Z", "UTC", "2026-05-01T12:00:00Z has passed: it is 2026-05-01T12:00:00Z"},
		{"2026-05-01T12:00:00+02:00", "2026-05-01T12:00:00Z", "UTC", "2026-05-01T12:00:00+02:00 has passed: it is 2026-05-01T14:00:00+02:00"},
		{"noon", "2026-05-01T12:00:00Z", "UTC", `bad time "noon"`},
		{"24:00", "2026-05-01T12:00:00Z", "UTC", `bad time "24:00"`},
		{"15:04", "2026-05-01T12:00:00Z", "UTC", "2026-05-01T15:04:00Z"},
		{"15:04:05", "2026-05-01T15:04:04.9Z", "UTC", "2026-05-01T15:04:05Z"},
		{"15:04", "2026-05-01T15:04:00Z", "UTC", "2026-05-02T15:04:00Z"},
		{"15:04", "2026-05-31T22:00:00Z", "UTC", "2026-06-01T15:04:00Z"},
		{"00:00", "2026-12-31T23:59:59Z", "UTC", "2027-01-01T00:00:00Z"},
		{"03:00", "2026-05-01T00:30:00Z", "Asia/Kathmandu", "2026-05-02T03:00:00+05:45"},
		{"02:30", "2026-03-28T12:00:00Z", "Europe/Berlin", "2026-03-29T03:00:00+02:00"},
		{"02:30", "2026-03-29T01:00:00Z", "Europe/Berlin", "2026-03-30T02:30:00+02:00"},
		{"02:30", "2026-10-24T12:00:00Z", "Europe/Berlin", "2026-10-25T02:30:00+02:00"},
		{"02:30", "2026-10-25T01:10:00Z", "Europe/Berlin", "2026-10-25T02:30:00+01:00"},
		{"02:15", "2026-10-03T12:00:00Z", "Australia/Lord_Howe", "2026-10-04T02:30:00+11:00"},
	}
	for _, tt := range tests {
		at, err := At(tt.text, instant(t, tt.now), zone(t, tt.zone))
		got := at.Format(time.RFC3339)
		if err != nil {
			got = err.Error()
		}
		if !strings.HasPrefix(got, tt.want) {
			t.Errorf("%s at %s: got %s, want %s", tt.text, tt.now, got, tt.want)
		}
		if passed := strings.Contains(tt.want, "has passed"); errors.Is(err, ErrPassed) != passed {
			t.Errorf("%s at %s: %v", tt.text, tt.now, err)
		}
	}
}

func span(d time.Duration) *task.Duration { return new(task.Duration(d)) }

func TestFirst(t *testing.T) {
	t.Parallel()
	const now = "2026-05-01T12:00:00Z"
	tests := []struct {
		name string
		when task.When
		want string // "" for at once
	}{
		{"nothing", task.When{}, ""},
		{"delay", task.When{Delay: span(90 * time.Second)}, "2026-05-01T12:01:30Z"},
		{"no delay", task.When{Delay: span(0)}, ""},
		{"at", task.When{At: "13:00"}, "2026-05-01T13:00:00Z"},
		{"every", task.When{Every: span(time.Hour)}, ""},
		{"every, late", task.When{Every: span(time.Hour), Delay: span(time.Minute)}, "2026-05-01T12:01:00Z"},
		{"every, at", task.When{Every: span(time.Hour), At: "2026-06-01T00:00:00Z"}, "2026-06-01T00:00:00Z"},
		{"cron", task.When{Cron: "0 3 * * *"}, "2026-05-02T03:00:00Z"},
	}
	for _, tt := range tests {
		p, err := New(tt.when, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		at, err := p.First(instant(t, now))
		got := ""
		if !at.IsZero() {
			got = at.Format(time.RFC3339)
		}
		if err != nil || got != tt.want {
			t.Errorf("%s: got %s, %v, want %s", tt.name, got, err, tt.want)
		}
		if p.Repeats() != tt.when.Repeats() {
			t.Errorf("%s: repeats %v", tt.name, p.Repeats())
		}
	}
	p, err := New(task.When{At: "2026-04-01T00:00:00Z"}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := p.First(instant(t, now)); !errors.Is(err, ErrPassed) {
		t.Errorf("got %v", err)
	}
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, when := range []task.When{{Cron: "0 25 * * *"}, {At: "noon"}, {Every: span(time.Millisecond)}, {Every: span(-time.Hour)}} {
		if p, err := New(when, time.UTC); err == nil || p.Repeats() {
			t.Errorf("%+v is taken", when)
		}
	}
}

func TestPlanNext(t *testing.T) {
	t.Parallel()
	hourly, daily, minutely := task.When{Every: span(time.Hour)}, task.When{Cron: "0 3 * * *"}, task.When{Cron: "*/5 * * * *"}
	tests := []struct {
		name      string
		when      task.When
		last, now string
		want      string
		missed    int
	}{
		{"just in time", hourly, "2026-05-01T12:00:00.5Z", "2026-05-01T12:00:00.5Z", "2026-05-01T13:00:00.5Z", 0},
		{"a little late", hourly, "2026-05-01T12:00:00.5Z", "2026-05-01T12:00:07Z", "2026-05-01T13:00:00.5Z", 0},
		{"after a sleep", hourly, "2026-05-01T12:00:00.5Z", "2026-05-01T15:30:00Z", "2026-05-01T16:00:00.5Z", 3},
		{"just at another", hourly, "2026-05-01T12:00:00.5Z", "2026-05-01T13:00:00.5Z", "2026-05-01T14:00:00.5Z", 1},
		{"after years", hourly, "2026-05-01T12:00:00.5Z", "2526-05-01T15:30:00Z", "2526-05-01T16:00:00.5Z", MaxMissed},
		{"too early", hourly, "2026-05-01T12:00:00Z", "2026-05-01T11:59:59.9Z", "2026-05-01T13:00:00Z", 0},
		{"set back a little", hourly, "2026-05-01T12:00:00Z", "2026-05-01T11:30:00Z", "2026-05-01T13:00:00Z", 0},
		{"set back a lot", hourly, "2026-05-01T12:10:00Z", "2026-04-01T11:30:00Z", "2026-04-01T12:10:00Z", 0},
		{"set back by as much", hourly, "2026-05-01T12:00:00Z", "2026-05-01T11:00:00Z", "2026-05-01T12:00:00Z", 0},
		{"set back for ages", hourly, "2526-05-01T12:00:00Z", "1970-01-01T00:00:01Z", "1970-01-01T01:00:00Z", 0},

		{"just in time", daily, "2026-05-01T03:00:00Z", "2026-05-01T03:00:00.01Z", "2026-05-02T03:00:00Z", 0},
		{"after a weekend", daily, "2026-05-01T03:00:00Z", "2026-05-04T08:00:00Z", "2026-05-05T03:00:00Z", 3},
		{"too early", daily, "2026-05-01T03:00:00Z", "2026-05-01T02:59:59.9Z", "2026-05-02T03:00:00Z", 0},
		{"set back an hour", daily, "2026-05-01T03:00:00Z", "2026-05-01T02:00:00Z", "2026-05-02T03:00:00Z", 0},
		{"set back a day", daily, "2026-05-01T03:00:00Z", "2026-04-30T02:00:00Z", "2026-04-30T03:00:00Z", 0},

		{"too early", minutely, "2026-05-01T03:00:00Z", "2026-05-01T02:59:59.9Z", "2026-05-01T03:05:00Z", 0},
		{"set back an hour", minutely, "2026-05-01T03:00:00Z", "2026-05-01T02:01:00Z", "2026-05-01T02:05:00Z", 0},
		{"after months", minutely, "2026-01-01T03:00:00Z", "2026-05-01T03:00:00Z", "2026-05-01T03:05:00Z", MaxMissed},
	}
	for _, tt := range tests {
		p, err := New(tt.when, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		next, missed := p.Next(instant(t, tt.last), instant(t, tt.now))
		if !next.Equal(instant(t, tt.want)) || missed != tt.missed {
			t.Errorf("%s: got %v and %d missed, want %s and %d", tt.name, next, missed, tt.want, tt.missed)
		}
	}
}

func TestPlanNextOfNothing(t *testing.T) {
	t.Parallel()
	now := instant(t, "2026-05-01T12:00:00Z")
	for _, when := range []task.When{{}, {Delay: span(time.Hour)}, {At: "12:00"}} {
		p, err := New(when, time.UTC)
		if err != nil {
			t.Fatal(err)
		}
		if next, missed := p.Next(now, now.Add(48*time.Hour)); !next.IsZero() || missed != 0 {
			t.Errorf("%+v: got %v, %d", when, next, missed)
		}
	}
	p, err := New(task.When{Every: span(time.Hour)}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	if next, missed := p.Next(time.Time{}, now); !next.Equal(now.Add(time.Hour)) || missed != 0 {
		t.Errorf("without a last: got %v, %d", next, missed)
	}
}

// TestRhythm goes through a year in which the supervisor looks late, sleeps, and
// is asked twice: the times stay those of anchor and interval, each once.
func TestRhythm(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(4, 0))
	const every = 17 * time.Minute
	p, err := New(task.When{Every: span(every)}, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	anchor := instant(t, "2026-01-01T00:00:00.123456789Z")
	last, now, count := anchor, anchor, 0
	for now.Before(anchor.AddDate(1, 0, 0)) {
		next, missed := p.Next(last, now)
		if again, _ := p.Next(last, now); !again.Equal(next) || !next.After(now) || next.Sub(now) > every {
			t.Fatalf("after %v, at %v: %v and %v", last, now, next, again)
		}
		count += missed + 1
		if due := anchor.Add(time.Duration(count) * every); !next.Equal(due) {
			t.Fatalf("got %v, want %v", next, due)
		}
		late := time.Duration(r.IntN(1000)) * time.Millisecond
		if r.IntN(10) == 0 {
			late = time.Duration(r.IntN(100)) * time.Hour
		}
		last, now = next, next.Add(late)
	}
}
