package lifecycle

import "testing"

// BenchmarkStep is a run from its start to its end, with all steps that follow at once.
func BenchmarkStep(b *testing.B) {
	p := Policy{Max: -1, Grace: grace}
	begin := []Event{Start{}, Began{}, Exited{}}
	b.ReportAllocs()
	for b.Loop() {
		var s State
		for _, e := range begin {
			for e != nil {
				next, effects, err := s.Step(p, e)
				if err != nil {
					b.Fatal(err)
				}
				s, e = next, nil
				if n := len(effects); n > 0 && effects[n-1].Do == Save {
					e = Saved{}
				} else if s.HasWork() {
					e = Flush{}
				}
			}
		}
	}
}
