package store

import (
	"bytes"
	"encoding/json"
	"maps"

	"tasks/pkg/task"
)

// This file keeps the members of a JSON object that a later version has written
// and this program has no field for: they are read beside the fields, and
// written with them.

// decodeJSON reads a T. unknown reports whether b may have members without a field.
func decodeJSON[T any](b []byte) (v T, unknown bool, err error) {
	strict := json.NewDecoder(bytes.NewReader(b))
	strict.DisallowUnknownFields()
	if strict.Decode(&v) == nil && strict.InputOffset() == int64(len(b)) {
		return v, false, nil
	}
	v = *new(T)
	err = json.Unmarshal(b, &v)
	return v, true, err
}

// objects are a record and what is in it: each may have unknown members.
type objects struct {
	record json.RawMessage
	Spec   json.RawMessage
	Ref    json.RawMessage
	Runs   []json.RawMessage
}

func objectsOf(record []byte) (o objects, err error) {
	o.record = record
	err = json.Unmarshal(record, &o)
	return o, err
}

// readUnknown gives r what its JSON b has beside known, which is r as this
// program writes it.
func readUnknown(r *task.Record, b, known []byte) error {
	have, err := objectsOf(b)
	if err != nil {
		return err
	}
	know, err := objectsOf(known)
	if err != nil {
		return err
	}
	r.Unknown = beside(have.record, know.record)
	r.Spec.Unknown = beside(have.Spec, know.Spec)
	r.Ref.Unknown = beside(have.Ref, know.Ref)
	for i := range min(len(r.Runs), len(have.Runs), len(know.Runs)) {
		r.Runs[i].Unknown = beside(have.Runs[i], know.Runs[i])
	}
	return nil
}

// writeUnknown is known, the JSON of r, with the unknown members of r.
func writeUnknown(r *task.Record, known []byte) ([]byte, error) {
	some := r.Unknown != "" || r.Spec.Unknown != "" || r.Ref.Unknown != ""
	for i := range r.Runs {
		some = some || r.Runs[i].Unknown != ""
	}
	if !some {
		return known, nil
	}
	o, err := objectsOf(known)
	if err != nil {
		return nil, err
	}
	m := membersOf(known)
	m["spec"] = with(o.Spec, r.Spec.Unknown)
	if o.Ref != nil {
		m["ref"] = with(o.Ref, r.Ref.Unknown)
	}
	if o.Runs != nil {
		for i := range o.Runs {
			o.Runs[i] = with(o.Runs[i], r.Runs[i].Unknown)
		}
		m["runs"] = encoded(o.Runs)
	}
	return with(encoded(m), r.Unknown), nil
}

// beside is the members that the object have has and know has not.
func beside(have, know json.RawMessage) task.Unknown {
	m := membersOf(have)
	for name := range membersOf(know) {
		delete(m, name)
	}
	if len(m) == 0 {
		return ""
	}
	return task.Unknown(encoded(m))
}

// with is the object known with the members of u that it has not.
func with(known json.RawMessage, u task.Unknown) json.RawMessage {
	if u == "" {
		return known
	}
	m := membersOf(json.RawMessage(u))
	maps.Copy(m, membersOf(known))
	return encoded(m)
}

// membersOf is the members of an object that was decoded before; nil is null.
func membersOf(object json.RawMessage) map[string]json.RawMessage {
	m := make(map[string]json.RawMessage)
	_ = json.Unmarshal(object, &m) // nothing is not an object either
	return m
}

// encoded is v, which consists of valid JSON.
func encoded(v any) json.RawMessage {
	b, _ := json.Marshal(v)
	return b
}
