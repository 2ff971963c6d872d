package task

import (
	"bytes"
	"encoding/json"
)

// Flat is an [Info] as it is as JSON: what its run uses stands beside what else is
// known of it. Who encodes or decodes many takes this, at half the cost of the
// methods of Info.
type Flat struct {
	*facts
	*Stats
}

type facts Info // without its methods

// Flat has the facts of i, not copies of them.
func (i *Info) Flat() *Flat { return &Flat{(*facts)(i), i.Stats} }

// Info is what f has the facts of.
func (f *Flat) Info() *Info {
	f.facts.Stats = f.Stats
	return (*Info)(f.facts)
}

// MarshalJSON writes one object, with the fields of Stats where there are some.
func (i Info) MarshalJSON() ([]byte, error) {
	var text bytes.Buffer
	enc := json.NewEncoder(&text)
	enc.SetEscapeHTML(false) // whoever wants that does it with the whole
	err := enc.Encode(i.Flat())
	return text.Bytes(), err
}

// UnmarshalJSON reads what MarshalJSON writes.
func (i *Info) UnmarshalJSON(text []byte) error {
	f := i.Flat()
	err := json.Unmarshal(text, f)
	f.Info()
	return err
}
