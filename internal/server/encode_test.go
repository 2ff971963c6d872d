package server

import (
	"bufio"
	"bytes"
	"encoding/json"
	"errors"
	"math/rand/v2"
	"reflect"
	"strings"
	"testing"

	"tasks/internal/protocol"
	"tasks/pkg/task"
)

// sameAsMarshal reports where encode and json.Marshal of what v points to differ.
func sameAsMarshal(t *testing.T, v, like any) {
	t.Helper()
	want, err := json.Marshal(like)
	if err != nil {
		t.Fatal(err)
	}
	var got bytes.Buffer
	w := bufio.NewWriterSize(&got, 64)
	if err := encode(w, v); err != nil {
		t.Fatal(err)
	}
	w.Flush()
	if !bytes.Equal(got.Bytes(), want) {
		at := 0
		for at < min(got.Len(), len(want)) && got.Bytes()[at] == want[at] {
			at++
		}
		t.Fatalf("%T at byte %d:\ngot  %.200q\nwant %.200q", v, at, got.Bytes()[max(at-20, 0):], want[max(at-20, 0):])
	}
}

var oddTexts = []string{
	"", "x", "a b", "<>&", "\"\\/", "\n\r\t\b\f\x00\x1f\x7f", "\u2028\u2029", "ä€😀", "\ufffd", "\xff", "a\xc3(", "\xe2\x80", "\xf0\x9f\x98", "\xed\xa0\x80",
	strings.Repeat("\x80", 5000), strings.Repeat("\xe2\x80", 3000), "x" + strings.Repeat("😀", 2000), "xy" + strings.Repeat("€", 2000), strings.Repeat("\xf0\x9f\x98\x80\x80", 1500),
	strings.Repeat("plain", 5000), strings.Repeat("p", textPiece) + "\u2028", strings.Repeat("<p", textPiece),
}

func TestTextsAreEncodedAsByMarshal(t *testing.T) {
	for _, text := range oddTexts {
		for cut := range min(len(text), 5) + 1 { // the pieces begin elsewhere
			part := text[cut:]
			sameAsMarshal(t, &part, part)
		}
	}
}

func FuzzEncodeText(f *testing.F) {
	for _, text := range oddTexts {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		sameAsMarshal(t, &text, text)
		long := strings.Repeat(text, 2*textPiece/(len(text)+1)+1)
		sameAsMarshal(t, &long, long)
	})
}

// fill gives v a random value, in all of its parts.
func fill(r *rand.Rand, v reflect.Value) {
	if v.Type() == reflect.TypeFor[task.Env]() {
		vars := make(map[string]string)
		for range r.IntN(4) {
			value := strings.ToValidUTF8(strings.ReplaceAll(oddTexts[r.IntN(len(oddTexts))], "\x00", ""), "")
			vars[[]string{"A", "B<", "Z\"", "ä", "a.b", "A0"}[r.IntN(6)]] = value
		}
		if env, err := task.NewEnv(vars); err != nil {
			panic(err)
		} else if r.IntN(3) > 0 {
			v.Set(reflect.ValueOf(env))
		}
		return
	}
	if r.IntN(3) == 0 && v.Kind() != reflect.Struct {
		return
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(oddTexts[r.IntN(len(oddTexts))])
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(r.Int64N(1 << 40))
	case reflect.Uint32, reflect.Uint64:
		v.SetUint(r.Uint64N(512))
	case reflect.Float64:
		v.SetFloat(r.NormFloat64() * 1e6)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(r, v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), r.IntN(4), 4))
		for i := range v.Len() {
			fill(r, v.Index(i))
		}
	case reflect.Map:
		v.Set(reflect.MakeMap(v.Type()))
		for range r.IntN(3) {
			key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
			fill(r, key)
			fill(r, value)
			v.SetMapIndex(key, value)
		}
	case reflect.Struct:
		if now := reflect.ValueOf(task.Now()); v.Type() == now.Type() {
			if r.IntN(2) == 0 {
				v.Set(now)
			}
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(r, v.Field(i))
			}
		}
	default:
		panic("a " + v.Type().String() + " in a reply: does encode know it?")
	}
}

// What is sent is in every part, whatever that is, as json.Marshal has it.
func TestValuesAreEncodedAsByMarshal(t *testing.T) {
	seed := rand.Uint64()
	t.Logf("seed %d", seed)
	r := rand.New(rand.NewPCG(seed, 0))
	for range 100 {
		var in protocol.Info
		var all []task.Group
		var ts []task.Info
		var id, message string
		for _, v := range []any{&in, &all, &ts, &id, &message} {
			fill(r, reflect.ValueOf(v).Elem())
			sameAsMarshal(t, v, v)
		}
		raw, _ := json.Marshal(id)
		for _, result := range []any{in, all, ts, struct{}{}, nil} {
			reply := protocol.Reply{JSONRPC: "2.0", ID: raw, Result: result}
			sameAsMarshal(t, &reply, reply)
		}
		shared := tasks{shared: make([]*task.Info, len(ts))}
		for i := range ts {
			shared.shared[i] = &ts[i]
			event := protocol.Notice{JSONRPC: "2.0", Method: "event", Params: protocol.NoticeEvent{Watch: raw, Event: task.Event{Seq: 1, Task: ts[i]}}}
			sameAsMarshal(t, &event, event)
		}
		errs := []error{task.NoSuchTask("a"), errors.New(message)}
		want := protocol.Errors(errs, ts)
		own := protocol.Errors(errs, nil)
		sameAsMarshal(t, failureOf(own, shared), want)
		sameAsMarshal(t, failureOf(own, "no tasks"), own)
	}
}
