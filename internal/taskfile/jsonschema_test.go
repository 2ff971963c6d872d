package taskfile

import (
	"fmt"
	"math"
	"reflect"
	"strings"
)

// validate holds v against the part of JSON Schema that Schema uses; a keyword
// that it does not know is an error.
func validate(root, schema, v any) error {
	if schema == true {
		return nil
	}
	s, ok := schema.(map[string]any)
	if !ok {
		return fmt.Errorf("%v allows nothing", schema)
	}
	for word, arg := range s {
		if err := validateBy(root, s, word, arg, v); err != nil {
			return err
		}
	}
	return nil
}

func validateBy(root any, s map[string]any, word string, arg, v any) error {
	object, _ := v.(map[string]any)
	array, _ := v.([]any)
	text, isText := v.(string)
	number, isNumber := v.(float64)
	bad := func() error { return fmt.Errorf("%v is against %s: %v", v, word, arg) }
	switch word {
	case "$schema", "title", "description", "$defs", "properties":
	case "$ref":
		at := root
		for _, part := range strings.Split(strings.TrimPrefix(arg.(string), "#/"), "/") {
			at = at.(map[string]any)[part]
		}
		return validate(root, at, v)
	case "type":
		for _, t := range list(arg) {
			if t == typeOf(v) || t == "number" && isNumber || t == "integer" && isNumber && number == math.Trunc(number) {
				return nil
			}
		}
		return bad()
	case "required":
		for _, key := range list(arg) {
			if _, ok := object[key.(string)]; object != nil && !ok {
				return bad()
			}
		}
	case "additionalProperties":
		known, _ := s["properties"].(map[string]any)
		patterns, _ := s["patternProperties"].(map[string]any)
		for key, val := range object {
			by, ok := known[key]
			for p := range patterns {
				ok = ok || matches(p, key)
			}
			if by == nil {
				by = any(true)
			}
			if !ok {
				by = arg
			}
			if err := validate(root, by, val); err != nil {
				return fmt.Errorf("%s: %w", key, err)
			}
		}
	case "patternProperties": // true, and used by additionalProperties
	case "propertyNames":
		for key := range object {
			if err := validate(root, arg, key); err != nil {
				return err
			}
		}
	case "items":
		for _, item := range array {
			if err := validate(root, arg, item); err != nil {
				return err
			}
		}
	case "minItems":
		if array != nil && len(array) < int(arg.(float64)) {
			return bad()
		}
	case "anyOf":
		for _, one := range list(arg) {
			if validate(root, one, v) == nil {
				return nil
			}
		}
		return bad()
	case "not":
		if validate(root, arg, v) == nil {
			return bad()
		}
	case "const":
		if !reflect.DeepEqual(arg, v) {
			return bad()
		}
	case "enum":
		for _, one := range list(arg) {
			if reflect.DeepEqual(one, v) {
				return nil
			}
		}
		return bad()
	case "pattern":
		if isText && !matches(arg.(string), text) {
			return bad()
		}
	case "minimum":
		if isNumber && number < arg.(float64) {
			return bad()
		}
	case "maximum":
		if isNumber && number > arg.(float64) {
			return bad()
		}
	default:
		return fmt.Errorf("unknown keyword %s", word)
	}
	return nil
}

func list(v any) []any {
	if l, ok := v.([]any); ok {
		return l
	}
	return []any{v}
}

func typeOf(v any) string {
	switch v.(type) {
	case nil:
		return "null"
	case string:
		return "string"
	case float64:
		return "number"
	case bool:
		return "boolean"
	case []any:
		return "array"
	}
	return "object"
}
