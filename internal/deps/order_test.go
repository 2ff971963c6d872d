package deps

import (
	"slices"
	"testing"
)

func TestSet(t *testing.T) {
	t.Parallel()
	o := NewOrder()
	for _, c := range []struct {
		name  string
		after []string
		cycle []string
	}{
		{"a", []string{"b"}, nil},
		{"b", []string{"c"}, nil},
		{"c", []string{"a"}, []string{"c", "a", "b", "c"}},
		{"c", []string{"c"}, []string{"c", "c"}},
		{"b", nil, nil},
		{"c", []string{"a"}, nil},
	} {
		if got := o.Set(c.name, c.after); !slices.Equal(got, c.cycle) {
			t.Errorf("%s after %v: %v, not %v", c.name, c.after, got, c.cycle)
		}
	}
}

func TestAwait(t *testing.T) {
	t.Parallel()
	o := NewOrder()
	woken := 0
	w := o.Await([]string{"a", "b", "c"}, func() { woken++ })
	other := o.Await([]string{"c"}, func() { t.Error("the other is woken") })
	news := func(want ...string) {
		t.Helper()
		if got := slices.Sorted(slices.Values(w.News())); !slices.Equal(got, want) {
			t.Errorf("news of %v, not of %v", got, want)
		}
	}
	o.Changed("x")
	news()
	o.Changed("a")
	o.Changed("a")
	o.Changed("b")
	if news("a", "b"); woken != 3 {
		t.Errorf("woken %d times", woken)
	}
	news()
	other.End()
	if !o.Awaited("c") || o.Awaited("x") {
		t.Error("what is awaited is not known")
	}
	o.Close()
	if o.Changed("c"); !o.Closed() {
		t.Error("not closed")
	}
	news("c") // whoever looks asks Closed
	if o.Open(); o.Closed() {
		t.Error("not open")
	}
	if news("a", "b", "c"); woken != 5 { // once, whatever it waits for
		t.Errorf("woken %d times", woken)
	}
	w.End()
	o.Changed("a")
	if news(); o.Awaited("a") || len(o.behind)+len(o.waits) > 0 || woken != 5 {
		t.Errorf("after its end: %v, woken %d times", o.behind, woken)
	}
}
