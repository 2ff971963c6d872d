package taskfile

import (
	"bytes"
	"encoding/json"
	"strings"
)

// reference to a variable, in a text that must else be of some form.
const orReference = `|\$[{A-Za-z_]`

// Schema is the JSON Schema of tasks.yaml, as docs/tasks.schema.json has it. It
// allows all that [Load] does, and beyond that only what takes more to tell than
// the value by itself: names that are not there, keys that exclude each other,
// keys that << takes in.
func Schema() []byte {
	defs := make(map[string]any)
	root := object(fileFields, defs)
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = "tasks.yaml"
	root["description"] = "The tasks of a project, for 'tasks up'."
	root["patternProperties"] = map[string]any{"^x-": true}
	root["$defs"] = defs
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	e.SetIndent("", "  ")
	if err := e.Encode(root); err != nil {
		panic(err) // maps, texts and numbers alone
	}
	return b.Bytes()
}

// object is the schema of a mapping with these keys.
func object(fields []field, defs map[string]any) map[string]any {
	properties := make(map[string]any)
	required := []string{}
	for _, f := range fields {
		s := f.holds.schema(defs)
		s["description"] = f.about
		properties[f.key] = s
		if f.must {
			required = append(required, f.key)
		}
	}
	o := map[string]any{"type": "object", "properties": properties, "additionalProperties": false}
	if len(required) > 0 {
		o["required"] = required
	}
	return o
}

func (s *shape) schema(defs map[string]any) map[string]any {
	var one map[string]any
	if s.scalar != nil {
		one = s.scalar.schema()
	} else {
		def := object(s.fields(), defs)
		if s.empty {
			def["type"] = []string{"object", "null"}
		}
		defs[s.def] = def
		one = map[string]any{"$ref": "#/$defs/" + s.def}
	}
	switch {
	case s.names != "":
		names := map[string]any{"pattern": s.names}
		if s.names == namePattern {
			names["not"] = map[string]any{"const": "all"}
		}
		return map[string]any{"type": "object", "propertyNames": names, "additionalProperties": one}
	case s.list:
		items := map[string]any{"type": "array", "items": one}
		if s.least > 0 {
			items["minItems"] = s.least
		}
		return map[string]any{"anyOf": []any{one, items}}
	}
	return one
}

func (s *scalar) schema() map[string]any {
	whole := map[string]any{"type": "integer", "minimum": s.min, "maximum": s.max}
	text := map[string]any{"type": "string"}
	either := func(of ...map[string]any) map[string]any { return map[string]any{"anyOf": of} }
	reference := map[string]any{"type": "string", "pattern": strings.TrimPrefix(orReference, "|")}
	switch {
	case s.as == isInt:
		return either(whole, reference)
	case s.as == isBool:
		return either(map[string]any{"type": "boolean"}, reference)
	case s.loose:
		return map[string]any{"type": []string{"string", "number", "boolean"}}
	case s.words != nil:
		var words []any
		for _, w := range s.words {
			words = append(words, w)
		}
		if s.no {
			words = append(words, false)
		}
		forms := []map[string]any{{"enum": words}, reference}
		if s.number {
			forms = append(forms, whole)
		}
		return either(forms...)
	case s.pattern != "":
		text["pattern"] = s.pattern + orReference
	}
	if s.number {
		return either(text, whole)
	}
	return text
}
