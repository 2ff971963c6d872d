package lifecycle

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// columns has the events that a column of the package's tables stands for.
var columns = map[string][]string{
	"Start": {"start", "later"}, "Retry": {"retry", "retry later"}, "Stop": {"stop", "at once", "in 1s", "shutdown"}, "Restart": {"restart"},
	"Replace": {"replace", "replace now"}, "Remove": {"force"},
	"Disable, Enable": {"disable", "enable"}, "Pause, Resume": {"pause", "resume"}, "Tick": {"tick", "missed"}, "Deps met, failed": {"deps met", "dep failed"}, "Slot": {"slot granted"},
	"Began": {"began"}, "Ready": {"ready"}, "Unhealthy": {"unhealthy"}, "Failed": {"failed"}, "No resources": {"no resources"},
	"Exited, and left": {"exited", "exited 1", "exited, left"}, "Gone": {"gone"}, "Timed out": {"timed out"},
}

// meant is what a state in phase p may become, by a word of those tables.
func meant(t *testing.T, p Phase, word string) []string {
	same := p.String()
	switch word {
	case "conflict", "-":
		return []string{word}
	case "as it was", "noted", "reported", "killed again":
		return []string{same, "-"}
	case "overlap":
		return []string{same, "-", "stopping"}
	case "on its way":
		return []string{"sleeping", "waiting", "queued", "starting"}
	case "on":
		return []string{"queued", "starting"}
	case "up":
		return []string{"probing", "running", "paused"}
	case "settled":
		return []string{"over", "backoff", "sleeping", "waiting", "queued", "starting"}
	case "*": // a shutdown came, or comes
		return []string{same, "-"}
	case "'": // does not repeat, or does
		return []string{"-", "sleeping"}
	case "°": // no schedule, or another run or an end was asked for
		return []string{"conflict"}
	case `"`: // a stop came meanwhile
		return []string{"stopping", "killing"}
	}
	if i := slices.Index(phases[:], strings.ToLower(word)); i < 0 {
		t.Errorf("a cell says %q", word)
	}
	return []string{strings.ToLower(word)}
}

// The tables of the package's documentation are true: with any policy nothing
// happens that they do not say, and each phase that they name is reached.
func TestDocumentation(t *testing.T) {
	t.Parallel()
	source, err := os.ReadFile("lifecycle.go")
	if err != nil {
		t.Fatal(err)
	}
	cells := 0
	var header []string
	for line := range strings.Lines(string(source)) {
		row := strings.Split(strings.TrimPrefix(line, "//"), "|")
		for i := range row {
			row[i] = strings.TrimSpace(row[i])
		}
		switch {
		case strings.HasPrefix(line, "//\t---"):
			continue
		case !strings.HasPrefix(line, "//\t") || len(row) == 1:
			header = nil
			continue
		case header == nil:
			header = row
			continue
		}
		phase := Phase(slices.Index(phases[:], strings.ToLower(row[0])))
		for i := 1; i < len(row); i++ {
			cells++
			docCell(t, phase, header[i], row[i])
		}
	}
	if want := len(phases)*11 + (len(phases)-4)*8; cells != want {
		t.Errorf("%d cells, want %d", cells, want)
	}
}

func docCell(t *testing.T, phase Phase, column, text string) {
	marks := strings.NewReplacer("*", ",*", "'", ",'", "°", ",°", `"`, `,"`)
	var allowed, words []string
	for word := range strings.SplitSeq(marks.Replace(text), ",") {
		word = strings.TrimSpace(word)
		allowed = append(allowed, meant(t, phase, word)...)
		words = append(words, word)
	}
	if len(columns[column]) == 0 {
		t.Errorf("a column is called %q", column)
	}
	got := make(map[string]bool)
	for name, m := range states() {
		if m.Phase != phase {
			continue
		}
		for _, in := range columns[column] {
			if in == "gone" && !m.Run.Exited { // that comes first
				continue
			}
			for _, p := range policies() {
				what, _, _ := strings.Cut(cell(p, m, event(in)), " ")
				if what == "same" {
					what = phase.String()
				}
				if got[what] = true; !slices.Contains(allowed, what) {
					t.Errorf("%v by %s is documented as %q, but %s leads to %s by %+v", phase, column, text, name, what, p)
					return
				}
			}
		}
	}
	for _, word := range words {
		if named := strings.ToLower(word); (slices.Contains(phases[:], named) || named == "conflict") && !got[named] {
			t.Errorf("%v by %s is documented as %q, but never leads to %s", phase, column, text, named)
		}
	}
}
