package cli

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"tasks/pkg/task"
)

// specFacts is what of s, with its defaults filled in, is worth a line to people:
// a key and a text each.
func specFacts(s *task.Spec) (facts [][2]string) {
	say := func(key, format string, args ...any) {
		if text := fmt.Sprintf(format, args...); text != "" {
			facts = append(facts, [2]string{key, text})
		}
	}
	span := func(d time.Duration) string { return short(d) }
	say("File", "%s", s.File)
	say("After", "%s", strings.Join(s.After, ", "))
	say("After the end of", "%s", strings.Join(s.AfterEnded, ", "))
	if s.Priority != 0 {
		say("Priority", "%d", s.Priority)
	}
	say("When", "%s", whenText(&s.When))
	if s.Ready.Checked() {
		say("Ready when", "%s, within %s", strings.Join(readyFacts(&s.Ready), " and "), span(s.Ready.Patience()))
	}
	if s.Health.Checked() {
		var by []string
		if s.HealthHTTP != "" {
			by = append(by, s.HealthHTTP+" answers")
		}
		if s.HealthCmd != "" {
			by = append(by, quote(s.HealthCmd)+" succeeds")
		}
		say("Well while", "%s, every %s; stopped after %d failures", strings.Join(by, " and "), span(s.Health.Pause()), s.Health.Retries())
	}
	say("Stop", "%s, KILL after %s", s.StopSignal, span(s.Grace()))
	restart := string(s.Restart)
	if s.Restart != task.RestartNo {
		restart += ", backoff " + span(s.Backoff.Min) + ".." + span(s.Backoff.Max)
		if s.MaxRestarts != nil {
			restart += fmt.Sprintf(", at most %d times", *s.MaxRestarts)
		}
	}
	say("Restart", "%s", restart)
	if s.Timeout != nil {
		say("Timeout", "%s", span(time.Duration(*s.Timeout)))
	}
	if s.SuccessCodes != nil {
		var codes []string
		for _, n := range s.SuccessCodes {
			codes = append(codes, strconv.Itoa(n))
		}
		say("Success", "exit code %s", strings.Join(codes, ", "))
	}
	attributeFacts(&s.Attributes, say)
	if s.LeaveChildren {
		say("Children", "left running when the main process ends")
	}
	say("On exit", "%s", s.OnExit)
	say("On failure", "%s", s.OnFailure)
	return facts
}

func readyFacts(r *task.Ready) (facts []string) {
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
	return facts
}

func whenText(w *task.When) string {
	var parts []string
	if w.Delay != nil {
		parts = append(parts, "after "+short(time.Duration(*w.Delay)))
	}
	if w.At != "" {
		parts = append(parts, "at "+w.At)
	}
	if w.Every != nil {
		parts = append(parts, "every "+short(time.Duration(*w.Every)))
	}
	if w.Cron != "" {
		parts = append(parts, "at the times of "+quote(w.Cron))
	}
	if w.Overlap != "" {
		parts = append(parts, "overlap "+string(w.Overlap))
	}
	return strings.Join(parts, ", ")
}

// withoutSecrets is tasks for the output: without names and passwords in URLs, unless
// all that is secret was asked for.
func (p *printer) withoutSecrets(tasks []task.Info) []task.Info {
	if p.secrets {
		return tasks
	}
	shown := slices.Clone(tasks)
	for i := range shown {
		s := &shown[i].Spec
		s.ReadyHTTP, s.HealthHTTP = task.ShownURL(s.ReadyHTTP), task.ShownURL(s.HealthHTTP)
	}
	return shown
}
