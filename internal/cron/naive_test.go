package cron

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"
)

// A naive is an expression as a table of what matches, read without any of the
// code under test.
type naive struct {
	sets          [5][60]bool
	either        bool
	hourly, ticks bool // every hour; the minute begins with *
}

func readNaive(expr string) (n naive) {
	least, most := [5]int{0, 0, 1, 1, 0}, [5]int{59, 23, 31, 12, 7}
	names := map[string]int{}
	for i, name := range strings.Fields("sun mon tue wed thu fri sat") {
		names[name] = i
	}
	for i, name := range strings.Fields("jan feb mar apr may jun jul aug sep oct nov dec") {
		names[name] = i + 1
	}
	value := func(text string) int {
		if v, ok := names[text]; ok {
			return v
		}
		v, err := strconv.Atoi(text)
		if err != nil {
			panic(err)
		}
		return v
	}
	words := strings.Fields(expr)
	for i, word := range words {
		for place := range strings.SplitSeq(word, ",") {
			span, step, _ := strings.Cut(place, "/")
			from, to, ranged := strings.Cut(span, "-")
			lo, hi, by := least[i], most[i], 1
			if from != "*" {
				lo = value(from)
				hi = lo
			}
			if ranged {
				hi = value(to)
			}
			if step != "" {
				by = value(step)
			}
			for v := lo; v <= hi; v += by {
				n.sets[i][v] = true
			}
		}
	}
	if n.sets[4][7] {
		n.sets[4][0] = true
	}
	n.either = !strings.Contains(words[2]+words[4], "*")
	n.hourly, n.ticks = !slices.Contains(n.sets[1][:24], false), words[0][0] == '*'
	return n
}

func (n *naive) date(wall time.Time) bool {
	day, weekday := n.sets[2][wall.Day()], n.sets[4][int(wall.Weekday())]
	return n.sets[3][int(wall.Month())] && (day && weekday || n.either && (day || weekday))
}

func (n *naive) match(wall time.Time) bool {
	return n.sets[0][wall.Minute()] && n.sets[1][wall.Hour()] && n.date(wall)
}

// due plays cron through each minute from from to to, as cron(8) describes it,
// beginning a day before so as to know what the clock has shown.
func (n *naive) due(from, to time.Time, loc *time.Location) (all []time.Time) {
	const day = 24 * time.Hour
	show := func(t time.Time) time.Time {
		t = t.In(loc)
		return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), 0, 0, time.UTC)
	}
	shown := show(from.Add(-2 * day)) // the latest that the clock has shown
	for t := from.Add(-2 * day).Add(time.Minute); !t.After(to); t = t.Add(time.Minute) {
		wall := show(t)
		due := n.match(wall) && (wall.After(shown) || n.hourly || n.ticks)
		for left := shown.Add(time.Minute); left.Before(wall) && !n.hourly; left = left.Add(time.Minute) {
			due = due || n.match(left)
		}
		if wall.After(shown) {
			shown = wall
		}
		if due && t.After(from) {
			all = append(all, t)
		}
	}
	return all
}

// randomField is any text of the field that is good.
func randomField(r *rand.Rand, i int) string {
	f := fields[i]
	lo, hi := f.min, f.max
	if i == 1 && r.IntN(2) == 0 {
		hi = 4 // where clocks are set
	}
	value := func() int { return lo + r.IntN(hi-lo+1) }
	text := func(v int) string {
		if at := v - f.min; at < len(f.names) && r.IntN(2) == 0 {
			return f.names[at]
		}
		return strconv.Itoa(v)
	}
	place := func() string {
		a, b := value(), value()
		a, b = min(a, b), max(a, b)
		switch step := 1 + r.IntN(f.size); r.IntN(6) {
		case 0:
			return "*/" + strconv.Itoa(step)
		case 1:
			return text(a) + "-" + text(b)
		case 2:
			return fmt.Sprintf("%s-%d/%d", text(a), b, step)
		default:
			return text(a)
		}
	}
	if r.IntN(3) == 0 || i > 1 && r.IntN(2) == 0 {
		return "*"
	}
	list := []string{place()}
	for r.IntN(3) == 0 {
		list = append(list, place())
	}
	return strings.Join(list, ",")
}

func randomExpr(r *rand.Rand) string {
	words := make([]string, len(fields))
	for i := range words {
		words[i] = randomField(r, i)
	}
	return strings.Join(words, " ")
}

// windows are days at which clocks are set, or not, and how far to look.
var windows = []struct{ zone, from string }{
	{"UTC", "2026-02-27"}, {"Asia/Kathmandu", "2026-03-28"},
	{"Europe/Berlin", "2026-03-28"}, {"Europe/Berlin", "2026-10-24"}, {"Europe/Berlin", "2040-10-27"}, {"Europe/Berlin", "2040-12-30"},
	{"Europe/Dublin", "2026-10-24"}, {"Atlantic/Azores", "2026-03-28"},
	{"America/New_York", "2026-03-07"}, {"America/New_York", "2026-10-31"}, {"America/St_Johns", "2006-10-28"}, {"America/Sao_Paulo", "2018-11-03"},
	{"America/Havana", "2026-03-07"}, {"America/Havana", "2026-10-31"},
	{"Australia/Lord_Howe", "2026-10-03"}, {"Australia/Lord_Howe", "2026-04-04"}, {"Asia/Beirut", "2026-03-28"},
	{"Antarctica/Troll", "2026-03-28"}, {"Antarctica/Troll", "2026-10-24"}, {"Africa/Casablanca", "2026-02-14"},
	{"Pacific/Apia", "2011-12-29"}, {"Pacific/Kwajalein", "1993-08-20"},
}

// TestLikeCron compares Next with a cron that looks at each minute: nothing is
// left out, nothing comes too much, and it goes forward.
func TestLikeCron(t *testing.T) {
	t.Parallel()
	const rounds = 15 // 1,000 have passed, in a minute
	for i, w := range windows {
		t.Run(w.zone+" "+w.from, func(t *testing.T) {
			t.Parallel()
			r := rand.New(rand.NewPCG(1, uint64(i)))
			loc := zone(t, w.zone)
			day, err := time.ParseInLocation(time.DateOnly, w.from, loc)
			if err != nil {
				t.Fatal(err)
			}
			total := 0
			for range rounds {
				expr := randomExpr(r)
				s, err := Parse(expr)
				if err != nil {
					if !strings.Contains(err.Error(), "never") {
						t.Fatal(err)
					}
					continue
				}
				from := day.Add(time.Duration(r.IntN(36*3600)) * time.Second).Truncate(time.Minute)
				to := from.Add(72 * time.Hour)
				var got []time.Time
				for at := s.Next(from, loc); !at.After(to); at = s.Next(at, loc) {
					if len(got) > 0 && !at.After(got[len(got)-1]) {
						t.Fatalf("%q: %v does not come after %v", expr, at, got[len(got)-1])
					}
					got = append(got, at)
				}
				n := readNaive(expr)
				want := n.due(from, to, loc)
				if !slices.EqualFunc(got, want, time.Time.Equal) {
					t.Fatalf("%q from %v:\n got %v\nwant %v", expr, from, got, want)
				}
				total += len(want)
			}
			if total == 0 {
				t.Error("nothing was ever due")
			}
		})
	}
}

// TestDates compares the days of 40 years.
func TestDates(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(2, 0))
	for range 8 {
		expr := "0 0 " + randomField(r, 2) + " " + randomField(r, 3) + " " + randomField(r, 4)
		n := readNaive(expr)
		start := time.Date(1980+r.IntN(200), 1, 1, 0, 0, 0, 0, time.UTC)
		at, never := start.Add(-1), true
		s, err := Parse(expr)
		for day := start; day.Before(start.AddDate(searchYears, 0, 0)); day = day.AddDate(0, 0, 1) {
			if !n.date(day) {
				continue
			}
			if never = false; err != nil {
				t.Fatalf("%v, but %v", err, day)
			}
			if at = s.Next(at, time.UTC); !at.Equal(day) {
				t.Fatalf("%q: got %v, want %v", expr, at, day)
			}
		}
		if err == nil && never {
			t.Errorf("%q is taken but never comes", expr)
		}
	}
}

func BenchmarkNext(b *testing.B) {
	berlin := zone(b, "Europe/Berlin")
	from := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	for _, expr := range []string{"* * * * *", "30 3 * * mon-fri", "59 23 31 12 *", "* * 29 2 *", "0 0 29 2 *", "0 0 29 2 */7", "* * 29 2 */7"} {
		b.Run(strings.ReplaceAll(expr, "/", "÷"), func(b *testing.B) {
			s := mustParse(b, expr)
			for b.Loop() {
				s.Next(from, berlin)
			}
		})
	}
}

func BenchmarkMissed(b *testing.B) {
	berlin, s := zone(b, "Europe/Berlin"), mustParse(b, "* * * * *")
	from := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	for b.Loop() {
		Missed(func(at time.Time) time.Time { return s.Next(at, berlin) }, from, from.AddDate(1, 0, 0), MaxMissed)
	}
}
