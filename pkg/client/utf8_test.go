package client_test

import (
	"errors"
	"testing"

	"tasks/pkg/client"
	"tasks/pkg/task"
)

// What is not UTF-8 text is refused before it is sent as another text; U+FFFD,
// and what looks like its escape, is a text as any.
func TestRequestsAreUTF8(t *testing.T) {
	bubble(t, func(t *testing.T, w world) {
		for _, name := range []string{"\xff", "a\xc3(", `\` + "\xff"} {
			if _, err := w.List(t.Context(), client.ListOptions{Selector: names(name)}); !errors.Is(err, task.ErrUsage) {
				t.Errorf("%q: %v", name, err)
			}
		}
		for _, name := range []string{"\ufffd", `\ufffd`, `\\ufffd`, `\"\ufffd`} {
			if _, err := w.List(t.Context(), client.ListOptions{Selector: names(name)}); !errors.Is(err, task.ErrNotFound) {
				t.Errorf("%q: %v", name, err)
			}
		}
	})
}
