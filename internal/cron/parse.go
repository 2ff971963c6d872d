// Package cron says when a task is due. Everything in it is a function of the
// times it is given: nothing reads a clock, waits or changes state.
//
// Times are those of the clock on the wall, without monotonic readings, so that
// they can be stored and so that they follow a clock that is set.
package cron

import (
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	lib "github.com/netresearch/go-cron"
)

// searchYears is how far ahead a date is looked for: 29 February on a given day
// of the week comes every 28 years, and after 40 where a century has no leap day.
const searchYears = 40

// example ends errors: it shows the form.
const example = `an example: "30 3 * * mon-fri" is 03:30 on weekdays`

// A field is one of the five of an expression.
type field struct {
	name     string
	min, max int
	size     int      // how many different values there are
	names    []string // of the values from min on; may be nil
}

var fields = [...]field{
	{"minute", 0, 59, 60, nil},
	{"hour", 0, 23, 24, nil},
	{"day of month", 1, 31, 31, nil},
	{"month", 1, 12, 12, []string{"jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"}},
	{"day of week", 0, 7, 7, []string{"sun", "mon", "tue", "wed", "thu", "fri", "sat"}}, // 7 is Sunday as well
}

// macros are the words for common expressions.
var macros = map[string]string{
	"@hourly":   "0 * * * *",
	"@daily":    "0 0 * * *",
	"@midnight": "0 0 * * *",
	"@weekly":   "0 0 * * 0",
	"@monthly":  "0 0 1 * *",
	"@yearly":   "0 0 1 1 *",
	"@annually": "0 0 1 1 *",
}

// Parse reads a crontab(5) expression: five fields, or @hourly, @daily,
// @midnight, @weekly, @monthly, @yearly or @annually, after CRON_TZ=ZONE if it is
// of a zone of its own. Where neither day field has a *, a day that one of them
// names will do. What no date ever matches is an error. Errors are one line.
func Parse(expr string) (Schedule, error) {
	s, err := parse(strings.Fields(expr))
	if err != nil {
		shown := expr
		if len(shown) > 80 {
			shown = strings.ToValidUTF8(shown[:80], "") + "…"
		}
		return Schedule{}, fmt.Errorf("bad cron expression %q: %w", shown, err)
	}
	return s, nil
}

func parse(words []string) (s Schedule, err error) {
	if len(words) > 0 {
		if name, ok := zoneName(words[0]); ok {
			if s.zone, err = time.LoadLocation(name); err != nil || name == "" {
				return s, fmt.Errorf("time zone %q is not known here: use a name from /usr/share/zoneinfo, such as Europe/Berlin", name)
			}
			words = words[1:]
		}
	}
	if len(words) > 0 && strings.HasPrefix(words[0], "@") {
		if words, err = expand(words); err != nil {
			return s, err
		}
	}
	switch len(words) {
	case len(fields):
	case len(fields) + 1:
		return s, errors.New("it needs 5 fields, not 6: minute, hour, day of month, month, day of week; there are no seconds and no years; " + example)
	default:
		return s, fmt.Errorf("it needs 5 fields, not %d: minute, hour, day of month, month, day of week; %s", len(words), example)
	}
	tidy := make([]string, len(fields))
	for i := range fields {
		if tidy[i], err = fields[i].check(words[i]); err != nil {
			return s, err
		}
	}
	options := lib.Minute | lib.Hour | lib.Dom | lib.Month | lib.Dow
	if !strings.Contains(words[2], "*") && !strings.Contains(words[4], "*") {
		options |= lib.DowOrDom
	}
	parser, err := lib.TryNewParser(options)
	if err != nil {
		return s, err
	}
	parsed, err := parser.WithMaxSearchYears(searchYears).Parse(strings.Join(tidy, " "))
	if err != nil {
		return s, err
	}
	spec, ok := parsed.(*lib.SpecSchedule)
	if !ok {
		return s, fmt.Errorf("unexpected %T", parsed)
	}
	spec.Location = time.UTC // it searches a calendar without zones, see dial
	if spec.Next(time.Date(2000, 1, 1, 0, 0, 0, 0, time.UTC)).IsZero() {
		return s, fmt.Errorf("there is never a day of month %s in month %s", words[2], words[3])
	}
	const hours = 1<<24 - 1
	hourly := spec.Hour&hours == hours
	s.dial = dial{next: spec.Next, again: hourly || strings.HasPrefix(words[0], "*"), late: !hourly}
	return s, nil
}

// zoneName is ZONE of CRON_TZ=ZONE or TZ=ZONE.
func zoneName(word string) (string, bool) {
	key, name, ok := strings.Cut(word, "=")
	return name, ok && (key == "CRON_TZ" || key == "TZ")
}

// expand puts five fields in the place of a word with @.
func expand(words []string) ([]string, error) {
	switch word := words[0]; {
	case word == "@every":
		return nil, errors.New("@every is not for a calendar: use --every, such as --every 90m")
	case word == "@reboot":
		return nil, errors.New("@reboot is not a time: tasks with --restart begin again with their supervisor")
	case macros[word] == "":
		return nil, fmt.Errorf("there is no %q: use @hourly, @daily, @weekly, @monthly or @yearly", word)
	case len(words) > 1:
		return nil, fmt.Errorf("there is something after %s", word)
	default:
		return strings.Fields(macros[word]), nil
	}
}

// check checks the text of a field, and returns it as the library reads it. The
// library alone takes more than crontab(5): empty places in lists, ranges over
// the end of a field, "*-5", "?"; and its errors name neither field nor remedy.
func (f *field) check(text string) (string, error) {
	list := strings.Split(text, ",")
	for i, place := range list {
		var err error
		if list[i], err = f.place(place); err != nil {
			return "", err
		}
	}
	return strings.Join(list, ","), nil
}

// place checks one place of a list: *, N or N-M, the first and the last with
// /STEP if need be.
func (f *field) place(text string) (string, error) {
	span, steps, stepped := strings.Cut(text, "/")
	from, to, ranged := strings.Cut(span, "-")
	lo, hi := f.min, f.max
	switch ok := true; {
	case span == "*":
	case !ranged:
		if lo, ok = f.value(span); !ok {
			return "", f.bad(span)
		}
		if stepped {
			return "", fmt.Errorf("%s %q: a step goes with * or a range, such as %s-%d/%s", f.name, text, span, f.max, steps)
		}
	default:
		if lo, ok = f.value(from); !ok {
			return "", f.bad(from)
		}
		if hi, ok = f.value(to); !ok {
			return "", f.bad(to)
		}
		if lo > hi {
			return "", fmt.Errorf("%s %q: a range cannot run over the end: %s", f.name, text, f.split(from, to, hi, stepped))
		}
	}
	if !stepped {
		return text, nil
	}
	step, ok := number(steps)
	if !ok || step < 1 || step > f.size {
		return "", fmt.Errorf("%s %q: a step is 1 to %d; for other intervals use --every", f.name, text, f.size)
	}
	if lo+step > hi {
		return strconv.Itoa(lo), nil // which the library holds to be a mistake
	}
	return text, nil
}

// split says how to write a range that runs over the end of the field.
func (f *field) split(from, to string, hi int, stepped bool) string {
	first := f.min
	if f.max-f.min == f.size { // Sunday is at both ends of the week
		first++
	}
	switch {
	case stepped:
		return "write its values as a list"
	case hi < first:
		return fmt.Sprintf("write %s-%d", from, f.max)
	default:
		return fmt.Sprintf("write %s-%d,%d-%s", from, f.max, first, to)
	}
}

func (f *field) bad(value string) error {
	if f.names == nil {
		return fmt.Errorf("%s %q is not %d to %d", f.name, value, f.min, f.max)
	}
	return fmt.Errorf("%s %q is not %d to %d or %s to %s", f.name, value, f.min, f.max, f.names[0], f.names[len(f.names)-1])
}

func (f *field) value(text string) (int, bool) {
	for i, name := range f.names {
		if strings.EqualFold(text, name) {
			return f.min + i, true
		}
	}
	n, ok := number(text)
	return n, ok && n >= f.min && n <= f.max
}

// number reads digits alone: strconv takes signs as well.
func number(text string) (int, bool) {
	if strings.Trim(text, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.Atoi(text)
	return n, err == nil
}
