package cli

import (
	"bytes"
	"encoding/json"

	"tasks/internal/escape"
	"tasks/pkg/task"
)

// printJSON prints v.
func (p *printer) printJSON(v any) error {
	var text bytes.Buffer
	if err := encodeJSON(&text, v, ""); err != nil {
		return err
	}
	_, err := p.out.Write(escape.JSON(text.Bytes()))
	return err
}

// printJSONs is printJSON of all, a piece at a time: they may be long.
func printJSONs[T any](p *printer, all []T) error {
	if len(all) == 0 {
		return p.printJSON([]T{})
	}
	const piece, indent = 64 << 10, "  "
	var text bytes.Buffer
	text.WriteString("[\n")
	for i := range all {
		text.WriteString(indent)
		one := any(&all[i])
		if t, ok := one.(*task.Info); ok {
			one = t.Flat()
		}
		if err := encodeJSON(&text, one, indent); err != nil {
			return err
		}
		if last := i == len(all)-1; last {
			text.WriteString("]\n")
		} else {
			text.Truncate(text.Len() - len("\n"))
			text.WriteString(",\n")
			if text.Len() < piece {
				continue
			}
		}
		if _, err := p.out.Write(escape.JSON(text.Bytes())); err != nil {
			return err
		}
		text.Reset()
	}
	return nil
}

// encodeJSON writes v, its lines but the first after an indent.
func encodeJSON(text *bytes.Buffer, v any, indent string) error {
	enc := json.NewEncoder(text)
	enc.SetEscapeHTML(false)
	enc.SetIndent(indent, "  ")
	return enc.Encode(v)
}
