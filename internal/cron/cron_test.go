package cron

import (
	"strings"
	"testing"
	"time"
	_ "time/tzdata" // machines that test may have no zones
)

func zone(t testing.TB, name string) *time.Location {
	t.Helper()
	loc, err := time.LoadLocation(name)
	if err != nil {
		t.Fatal(err)
	}
	return loc
}

func mustParse(t testing.TB, expr string) Schedule {
	t.Helper()
	s, err := Parse(expr)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func instant(t testing.TB, text string) time.Time {
	t.Helper()
	at, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// follow checks what next gives from after on, in loc.
func follow(t *testing.T, next func(time.Time) time.Time, after string, loc *time.Location, want ...string) {
	t.Helper()
	at := instant(t, after)
	for _, w := range want {
		at = next(at)
		if got := at.In(loc).Format(time.RFC3339); got != w {
			t.Errorf("got %s, want %s", got, w)
		}
	}
}

func TestNext(t *testing.T) {
	t.Parallel()
	tests := []struct{ expr, after, want string }{ // want: times of UTC, by spaces
		{"* * * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:01:00Z 2026-01-01T00:02:00Z"},
		{"* * * * *", "2026-01-01T00:00:00.5Z", "2026-01-01T00:01:00Z"},
		{"* * * * *", "2025-12-31T23:59:59.999999999Z", "2026-01-01T00:00:00Z"},
		{"30 3 * * mon-fri", "2026-01-02T12:00:00Z", "2026-01-05T03:30:00Z 2026-01-06T03:30:00Z"},
		{"0 0 * * 7", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z 2026-01-11T00:00:00Z"},
		{"0 0 * * 0", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"},
		{"0 0 * * SUN", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z"},
		{"0 0 * * fri-7", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-03T00:00:00Z 2026-01-04T00:00:00Z 2026-01-09T00:00:00Z"},
		{"0 0 * * */7", "2026-01-01T00:00:00Z", "2026-01-04T00:00:00Z 2026-01-11T00:00:00Z"},
		{"0 0 * * */2", "2026-01-04T00:00:00Z", "2026-01-06T00:00:00Z 2026-01-08T00:00:00Z 2026-01-10T00:00:00Z 2026-01-11T00:00:00Z"},
		{"0 0 1 Jan,jul *", "2026-01-01T00:00:00Z", "2026-07-01T00:00:00Z 2027-01-01T00:00:00Z"},
		{"5-59/20 8-10/2 * * *", "2026-01-01T00:00:00Z", "2026-01-01T08:05:00Z 2026-01-01T08:25:00Z 2026-01-01T08:45:00Z 2026-01-01T10:05:00Z"},
		{"*/60 * * * *", "2026-01-01T00:00:00Z", "2026-01-01T01:00:00Z 2026-01-01T02:00:00Z"},
		{"0 */24 * * *", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z"},
		{"5-10/6 0 * * *", "2026-01-01T00:00:00Z", "2026-01-01T00:05:00Z 2026-01-02T00:05:00Z"},
		{"0 0 31 * *", "2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z 2026-05-31T00:00:00Z"},
		{" 0\t0  1 1 * ", "2026-01-01T00:00:00Z", "2027-01-01T00:00:00Z"},

		// Either of the day fields will do where both name days; a * in one of
		// them, also one with a step, leaves the other to decide with it.
		{"0 0 13 * 5", "2026-01-01T00:00:00Z", "2026-01-02T00:00:00Z 2026-01-09T00:00:00Z 2026-01-13T00:00:00Z 2026-01-16T00:00:00Z"},
		{"0 0 30 2 mon", "2026-02-20T00:00:00Z", "2026-02-23T00:00:00Z 2027-02-01T00:00:00Z"},
		{"0 0 * * 5", "2026-01-03T00:00:00Z", "2026-01-09T00:00:00Z"},
		{"0 0 13 * *", "2026-01-02T00:00:00Z", "2026-01-13T00:00:00Z"},
		{"0 0 */2 * 1", "2026-01-01T00:00:00Z", "2026-01-05T00:00:00Z 2026-01-19T00:00:00Z"},

		{"0 0 29 2 *", "2026-01-01T00:00:00Z", "2028-02-29T00:00:00Z 2032-02-29T00:00:00Z"},
		{"0 0 29 2 *", "2096-02-29T00:00:00Z", "2104-02-29T00:00:00Z"},
		{"0 0 29 2 */7", "2026-01-01T00:00:00Z", "2032-02-29T00:00:00Z 2060-02-29T00:00:00Z"},
		{"0 0 29 2 */7", "2088-02-29T00:00:00Z", "2128-02-29T00:00:00Z"},

		{"@hourly", "2026-01-01T00:30:00Z", "2026-01-01T01:00:00Z 2026-01-01T02:00:00Z"},
		{"@daily", "2026-01-01T00:30:00Z", "2026-01-02T00:00:00Z"},
		{"@midnight", "2026-01-01T00:30:00Z", "2026-01-02T00:00:00Z"},
		{"@weekly", "2026-01-01T00:30:00Z", "2026-01-04T00:00:00Z"},
		{"@monthly", "2026-01-01T00:30:00Z", "2026-02-01T00:00:00Z"},
		{"@yearly", "2026-01-01T00:30:00Z", "2027-01-01T00:00:00Z"},
		{"@annually", "2026-01-01T00:30:00Z", "2027-01-01T00:00:00Z"},

		{"CRON_TZ=Asia/Kathmandu 0 3 * * *", "2026-01-01T00:00:00Z", "2026-01-01T21:15:00Z 2026-01-02T21:15:00Z"},
		{"TZ=America/New_York @daily", "2026-01-01T00:00:00Z", "2026-01-01T05:00:00Z"},
		{"0 3 * * *", "2026-01-01T00:00:00+05:45", "2026-01-01T03:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.expr, func(t *testing.T) {
			t.Parallel()
			s := mustParse(t, tt.expr)
			follow(t, func(at time.Time) time.Time { return s.Next(at, time.UTC) }, tt.after, time.UTC, strings.Fields(tt.want)...)
		})
	}
}

func TestZoneOfResult(t *testing.T) {
	t.Parallel()
	berlin, at := zone(t, "Europe/Berlin"), instant(t, "2026-01-01T00:00:00Z")
	if got := mustParse(t, "0 3 * * *").Next(at, berlin); got.Location() != berlin {
		t.Errorf("%v is not in the zone asked for", got)
	}
	if got := mustParse(t, "TZ=Asia/Kathmandu 0 3 * * *").Next(at, berlin).Format(time.RFC3339); got != "2026-01-02T03:00:00+05:45" {
		t.Errorf("%v is not in the zone of the expression", got)
	}
	if got := (Schedule{}).Next(at, berlin); !got.IsZero() {
		t.Errorf("nothing is due at %v", got)
	}
}

func TestNoMonotonicReading(t *testing.T) {
	t.Parallel()
	now := time.Now()
	at, err := At("23:59", now, time.UTC)
	if err != nil {
		t.Fatal(err)
	}
	for _, got := range []time.Time{
		mustParse(t, "* * * * *").Next(now, time.UTC), at,
		Every(now, time.Hour, now), Every(now, time.Second, now.Add(time.Hour)),
	} {
		if strings.Contains(got.String(), "m=") {
			t.Errorf("%v has a monotonic reading", got)
		}
	}
}

func TestBad(t *testing.T) {
	t.Parallel()
	tests := []struct{ expr, want string }{ // want: part of the error
		{"", "it needs 5 fields, not 0"},
		{"0 3 * *", "it needs 5 fields, not 4: minute, hour"},
		{"0 0 3 * * *", "there are no seconds"},
		{"CRON_TZ=Europe/Berlin", "it needs 5 fields, not 0"},
		{"CRON_TZ=Europe/Nowhere 0 3 * * *", `time zone "Europe/Nowhere" is not known`},
		{"TZ= 0 3 * * *", `time zone "" is not known`},
		{"TZ=../../etc/passwd 0 3 * * *", "is not known"},
		{"@every 5m", "--every 90m"},
		{"@reboot", "not a time"},
		{"@sometimes", `no "@sometimes"`},
		{"@daily 5", "something after @daily"},
		{"60 * * * *", `minute "60" is not 0 to 59`},
		{"99999999999999999999 * * * *", "is not 0 to 59"},
		{"* 24 * * *", `hour "24" is not 0 to 23`},
		{"* * 0 * *", `day of month "0" is not 1 to 31`},
		{"* * * 13 *", `month "13" is not 1 to 12 or jan to dec`},
		{"* * * * 8", `day of week "8" is not 0 to 7 or sun to sat`},
		{"* * * * monday", `"monday" is not 0 to 7 or sun to sat`},
		{"* * * mon *", `month "mon"`},
		{"jan * * * *", `minute "jan"`},
		{"0 22-2 * * *", "write 22-23,0-2"},
		{"0 22-2/2 * * *", "cannot run over the end: write its values as a list"},
		{"0 0 * * fri-sun", "write fri-7"},
		{"0 0 * * fri-mon", "write fri-7,1-mon"},
		{"0 0 * nov-feb *", "write nov-12,1-feb"},
		{"0 0 25-3 * *", "write 25-31,1-3"},
		{"5/15 * * * *", "such as 5-59/15"},
		{"*/0 * * * *", "a step is 1 to 60"},
		{"*/90 * * * *", "a step is 1 to 60; for other intervals use --every"},
		{"*/x * * * *", "a step is 1 to 60"},
		{"*/-1 * * * *", "a step is 1 to 60"},
		{"*/2/2 * * * *", "a step is 1 to 60"},
		{"*-5 * * * *", `minute "*" is not`},
		{"1-2-3 * * * *", `minute "2-3" is not`},
		{"-1 * * * *", `minute "" is not`},
		{"+5 * * * *", `minute "+5" is not`},
		{"1,,2 * * * *", `minute "" is not`},
		{", * * * *", `minute "" is not`},
		{"0 0 ? * *", `day of month "?" is not`},
		{"0 0 L * *", `day of month "L" is not`},
		{"0 0 * * 5#3", `day of week "5#3" is not`},
		{"H * * * *", `minute "H" is not`},
		{"٣ * * * *", "is not 0 to 59"},
		{"0\n0 \x1b * *", `day of month "\x1b"`},
		{"0 0 30 2 *", "never a day of month 30 in month 2"},
		{"0 0 31 4,6,9,nov *", "never a day of month 31 in month 4,6,9,nov"},
		{"0 0 30-31 feb */2", "never a day"},
		{strings.Repeat("1,", 2000) + "1 * * * *", "too long"},
	}
	for _, tt := range tests {
		_, err := Parse(tt.expr)
		switch {
		case err == nil:
			t.Errorf("%q is taken", tt.expr)
		case !strings.Contains(err.Error(), tt.want) || strings.Contains(err.Error(), example) != strings.Contains(err.Error(), "it needs 5 fields"):
			t.Errorf("%q: got %v, want %s", tt.expr, err, tt.want)
		case strings.ContainsAny(err.Error(), "\n\x1b") || len(err.Error()) > 400:
			t.Errorf("%q: not a line: %q", tt.expr, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{"0 3 * * *", "*/5 8-18/2 1,15 jan-mar 5,7", "CRON_TZ=Asia/Kathmandu @daily", "0 0 29 2 */7", "0 0 30 2 *", "@every 5m", "22-2 ? L W #"} {
		f.Add(seed, int64(1e9))
	}
	berlin := zone(f, "Europe/Berlin")
	f.Fuzz(func(t *testing.T, expr string, seconds int64) {
		s, err := Parse(expr)
		if err != nil {
			if strings.ContainsAny(err.Error(), "\n\r\x1b\x00") {
				t.Errorf("not a line: %q", err)
			}
			return
		}
		at := time.Unix(seconds%1e10, 0)
		for range 5 {
			next := s.Next(at, berlin)
			if !next.After(at) {
				t.Fatalf("%q: after %v comes %v", expr, at, next)
			}
			at = next
		}
	})
}
