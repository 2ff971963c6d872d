package option

import (
	"encoding"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"tasks/pkg/task"
)

// Set gives s the value of the option that text says. Values of lists add up.
func (o *Option) Set(s *task.Spec, text string) (err error) {
	switch to := o.In(s).(type) {
	case *string:
		*to = text
		if sig, err := task.ParseSignal(text); o.Kind == Signal && err == nil { // what is wrong else, the spec's check says
			*to = strings.TrimPrefix(task.SignalName(sig), "SIG")
		}
	case *task.Restart:
		*to = task.Restart(text)
	case *task.Overlap:
		*to = task.Overlap(text)
	case *bool:
		*to, err = strconv.ParseBool(text)
	case *int:
		*to, err = strconv.Atoi(text)
	case **int:
		return set(to, text, func(n *int) (err error) { *n, err = strconv.Atoi(text); return err })
	case **task.Duration:
		return unmarshal(to, text)
	case **task.Size:
		return unmarshal(to, text)
	case **task.Umask:
		if unmarshal(to, text) != nil {
			return errors.New("use octal digits from 0 to 777, such as 022")
		}
	case *task.Backoff:
		return to.UnmarshalText([]byte(text))
	case *[]string:
		*to = append(*to, strings.Split(text, ",")...)
	case *[]int:
		return addCodes(to, text)
	case *task.Ulimits:
		return addLimit(to, text)
	default:
		panic(fmt.Sprintf("option %s has a value of an unknown type, %T", o.Key, to))
	}
	return err
}

func set[T any](to **T, text string, parse func(*T) error) error {
	v := new(T)
	err := parse(v)
	if err == nil {
		*to = v
	}
	return err
}

func unmarshal[T any, P interface {
	*T
	encoding.TextUnmarshaler
}](to **T, text string) error {
	return set(to, text, func(v *T) error { return P(v).UnmarshalText([]byte(text)) })
}

func addCodes(to *[]int, text string) error {
	var codes []int
	for part := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(part))
		if err != nil {
			return errors.New("use numbers with commas between them, such as 0,3")
		}
		codes = append(codes, n)
	}
	*to = append(*to, codes...)
	return nil
}

// A TwiceError is that a resource was given two limits.
type TwiceError struct {
	Resource   string
	One, Other task.Limit
}

func (e *TwiceError) Error() string {
	return fmt.Sprintf("%s is given twice: %s and %s", e.Resource, e.One, e.Other)
}

func addLimit(to *task.Ulimits, text string) error {
	name, value, ok := strings.Cut(text, "=")
	if !ok {
		return errors.New("use NAME=SOFT[:HARD], such as nofile=4096")
	}
	var l task.Limit
	if err := l.UnmarshalText([]byte(value)); err != nil {
		return err
	}
	if other, twice := (*to)[name]; twice && other != l {
		return &TwiceError{name, other, l}
	}
	if *to == nil {
		*to = make(task.Ulimits)
	}
	(*to)[name] = l
	return nil
}

// Text is the value of the option in s, for people; "" where it is not set.
func (o *Option) Text(s *task.Spec) string {
	switch of := o.In(s).(type) {
	case *string:
		return *of
	case *task.Restart:
		return string(*of)
	case *task.Overlap:
		return string(*of)
	case *bool:
		if *of {
			return "true"
		}
	case *int:
		if *of != 0 {
			return strconv.Itoa(*of)
		}
	case **int:
		return text(of)
	case **task.Duration:
		return text(of)
	case **task.Size:
		return text(of)
	case **task.Umask:
		return text(of)
	case *task.Backoff:
		if *of != (task.Backoff{}) {
			return of.String()
		}
	case *[]string:
		return strings.Join(*of, ", ")
	case *[]int:
		return strings.Trim(strings.ReplaceAll(fmt.Sprint(*of), " ", ", "), "[]")
	case *task.Ulimits:
		return of.String()
	default:
		panic(fmt.Sprintf("option %s has a value of an unknown type, %T", o.Key, of))
	}
	return ""
}

func text[T any](of **T) string {
	if *of == nil {
		return ""
	}
	return fmt.Sprint(**of)
}
