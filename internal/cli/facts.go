package cli

import (
	"fmt"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"tasks/internal/option"
	"tasks/pkg/task"
)

// specFacts is what of s, with its defaults filled in, is worth a line to people:
// a key and a text each. What the table of options has no words for here is shown as
// it was set.
func specFacts(s *task.Spec) (facts [][2]string) {
	say := func(key, text string) {
		if text != "" {
			facts = append(facts, [2]string{key, text})
		}
	}
	say("File", s.File)
	said := make(map[string]bool)
	for i := range option.All {
		o := &option.All[i]
		switch words := factWords[o.Fact]; {
		case o.Fact == "" || said[o.Fact]:
		case words != nil:
			say(o.Fact, words(s))
		default:
			say(o.Fact, o.Text(s))
		}
		said[o.Fact] = true
	}
	return facts
}

// factWords are the words of facts that say more than the value of one option.
var factWords = map[string]func(*task.Spec) string{
	"Umask":         umaskText,
	"Nice":          niceText,
	"Stop":          func(s *task.Spec) string { return s.StopSignal + ", KILL after " + short(s.Grace()) },
	"Restart":       restartText,
	"Timeout":       func(s *task.Spec) string { return durationText(s.Timeout) },
	"Success":       successText,
	"Children":      childrenText,
	"When":          whenText,
	"Ready when":    readyText,
	"Healthy while": healthText,
}

func umaskText(s *task.Spec) string {
	if u := s.EffectiveUmask(); u != nil {
		return u.String()
	}
	return ""
}

func niceText(s *task.Spec) string {
	if n := s.EffectiveNice(); n != nil && (*n != 0 || s.Nice != nil) {
		return strconv.Itoa(*n)
	}
	return ""
}

func durationText(d *task.Duration) string {
	if d == nil {
		return ""
	}
	return short(time.Duration(*d))
}

func restartText(s *task.Spec) string {
	text := string(s.Restart)
	if s.Restart != task.RestartNo {
		text += ", backoff " + short(s.Backoff.Min) + ".." + short(s.Backoff.Max)
		if s.MaxRestarts != nil {
			text += fmt.Sprintf(", at most %d times", *s.MaxRestarts)
		}
	}
	return text
}

func successText(s *task.Spec) string {
	if s.SuccessCodes == nil {
		return ""
	}
	var codes []string
	for _, n := range s.SuccessCodes {
		codes = append(codes, strconv.Itoa(n))
	}
	return "exit code " + strings.Join(codes, ", ")
}

func childrenText(s *task.Spec) string {
	if s.LeaveChildren {
		return "left running when the main process ends"
	}
	return ""
}

func healthText(s *task.Spec) string {
	if !s.Health.Checked() {
		return ""
	}
	var by []string
	if s.HealthHTTP != "" {
		by = append(by, s.HealthHTTP+" answers")
	}
	if s.HealthCmd != "" {
		by = append(by, quote(s.HealthCmd)+" succeeds")
	}
	text := strings.Join(by, " and ") + ", every " + short(s.Health.Interval())
	if s.HealthTimeout != nil {
		text += ", each within " + short(s.Health.Timeout())
	}
	return fmt.Sprintf("%s; stopped after %d failures", text, s.Health.Retries())
}

func readyText(s *task.Spec) string {
	if !s.Ready.Checked() {
		return ""
	}
	r := &s.Ready
	var facts []string
	if r.ReadyHTTP != "" {
		facts = append(facts, r.ReadyHTTP+" answers")
	}
	if r.ReadyPort != "" {
		facts = append(facts, "port "+r.ReadyPort+" is open")
	}
	if r.ReadyCmd != "" {
		facts = append(facts, quote(r.ReadyCmd)+" succeeds")
	}
	if r.ReadyLog != "" {
		facts = append(facts, "a line matches "+quote(r.ReadyLog))
	}
	if r.ReadyNotify {
		facts = append(facts, "it says READY=1")
	}
	text := strings.Join(facts, " and ") + ", within " + short(r.Timeout())
	if r.ReadyInterval != nil {
		text += ", looked at every " + short(r.Interval())
	}
	return text
}

func whenText(w *task.Spec) string {
	var parts []string
	if w.Delay != nil {
		parts = append(parts, "after "+durationText(w.Delay))
	}
	if w.At != "" {
		parts = append(parts, "at "+w.At)
	}
	if w.Every != nil {
		parts = append(parts, "every "+durationText(w.Every))
	}
	if w.Cron != "" {
		parts = append(parts, "at the times of "+quote(w.Cron))
	}
	if w.Overlap != "" {
		parts = append(parts, "overlap "+string(w.Overlap))
	}
	return strings.Join(parts, ", ")
}

// editedText says what becomes of the spec at the next run.
func editedText(t *task.Info) string {
	if t.Edited == nil {
		return ""
	}
	var parts []string
	for i := range option.All {
		o := &option.All[i]
		if o.In == nil || o.Key == "env" || reflect.DeepEqual(o.In(&t.Spec), o.In(t.Edited)) {
			continue
		}
		value := o.Text(t.Edited)
		switch {
		case o.Key == "command":
			value = commandLine(task.Info{Command: t.Edited.Command})
		case o.Kind == option.URL:
			value = task.ShownURL(value)
		case value == "" && o.Default != "":
			value = o.Default
		case value == "":
			value = "none"
		}
		parts = append(parts, o.Flag()+" "+value)
	}
	if parts == nil {
		parts = []string{"other variables"}
	}
	return "from the next run on: " + strings.Join(parts, ", ")
}

// withoutSecrets is tasks for the output: without names and passwords in URLs, unless
// all that is secret was asked for.
func (p *printer) withoutSecrets(tasks []task.Info) []task.Info {
	if p.secrets {
		return tasks
	}
	shown := slices.Clone(tasks)
	for i := range shown {
		shown[i].Spec = *withShownURLs(&shown[i].Spec)
		if next := shown[i].Edited; next != nil {
			shown[i].Edited = withShownURLs(next)
		}
	}
	return shown
}

// withShownURLs is s without names and passwords in its URLs.
func withShownURLs(s *task.Spec) *task.Spec {
	shown := *s
	shown.ReadyHTTP, shown.HealthHTTP = task.ShownURL(s.ReadyHTTP), task.ShownURL(s.HealthHTTP)
	return &shown
}
