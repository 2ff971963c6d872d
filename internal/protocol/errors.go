package protocol

import (
	"context"
	"errors"
	"strings"

	"tasks/pkg/task"
)

// The codes of JSON-RPC 2.0, section 5.1, and ours.
const (
	CodeParse       = -32700
	CodeRequest     = -32600
	CodeMethod      = -32601
	CodeParams      = -32602
	CodeInternal    = -32603
	CodeNotFound    = -32001
	CodeConflict    = -32002
	CodeUnavailable = -32003
	CodeTimeout     = -32004
	CodeUsage       = -32005
)

// kinds is the one table of what an error is called on either side.
var kinds = []struct {
	code int
	word string
	kind error
}{
	{CodeNotFound, "not_found", task.ErrNotFound},
	{CodeConflict, "conflict", task.ErrConflict},
	{CodeUnavailable, "unavailable", task.ErrUnavailable},
	{CodeTimeout, "timeout", task.ErrTimeout},
	{CodeUsage, "usage", task.ErrUsage},
	{CodeParams, "usage", task.ErrUsage},
	{CodeInternal, "internal", nil},
}

// Error is the error member of a Reply.
type Error struct {
	Code    int        `json:"code"`
	Message string     `json:"message"`
	Data    *ErrorData `json:"data,omitempty"`
}

func (e *Error) Error() string { return e.Message }

// How a supervisor of any version begins to refuse a field that it does not know.
const (
	inParams     = "params: "
	unknownField = "unknown field "
)

// Unknown reports whether the supervisor does not know the method, or a part of the params,
// as one of an earlier version. The latter is in the message alone.
func (e *Error) Unknown() bool {
	return e.Code == CodeMethod || e.Code == CodeParams && strings.HasPrefix(e.Message, inParams+unknownField)
}

// ErrorData says more: the kind in a word, and of a request for several tasks
// what became of each.
type ErrorData struct {
	Kind   string      `json:"kind"`
	Name   string      `json:"name,omitempty"`
	Errors []ItemError `json:"errors,omitempty"` // one per task that failed, where several did
	Tasks  []task.Info `json:"tasks,omitempty"`  // the ones that the request did reach, as they now are
}

// ItemError is what went wrong with one of several tasks.
type ItemError struct {
	Kind    string `json:"kind"`
	Name    string `json:"name,omitempty"`
	Message string `json:"message"`
}

// Errors makes the error member of what went wrong, at least one, and of the
// tasks that were reached all the same.
func Errors(errs []error, tasks []task.Info) *Error {
	first := item(errs[0])
	e := &Error{Code: CodeInternal, Message: first.Message, Data: &ErrorData{Kind: first.Kind, Name: first.Name, Tasks: tasks}}
	for _, k := range kinds {
		if k.word == first.Kind {
			e.Code = k.code
			break
		}
	}
	if len(errs) > 1 {
		for _, err := range errs {
			e.Data.Errors = append(e.Data.Errors, item(err))
		}
	}
	var own *Error
	if errors.As(errs[0], &own) {
		e.Code = own.Code
	}
	return e
}

func item(err error) ItemError {
	it := ItemError{Kind: "internal", Message: err.Error()}
	var own *Error
	if errors.As(err, &own) {
		it.Kind = "usage"
		return it
	}
	for _, k := range kinds {
		if k.kind != nil && errors.Is(err, k.kind) {
			it.Kind = k.word
			break
		}
	}
	if errors.Is(err, context.DeadlineExceeded) {
		it.Kind = "timeout"
	}
	var te *task.Error
	if errors.As(err, &te) {
		it.Name = te.Name
	}
	return it
}

// Err is the error that a client returns for e: it is of its kind to errors.Is.
func (e *Error) Err() error {
	if e.Data == nil || len(e.Data.Errors) == 0 {
		it := ItemError{Message: e.Message}
		if e.Data != nil {
			it.Kind, it.Name = e.Data.Kind, e.Data.Name
		}
		if it.Kind == "" {
			for _, k := range kinds {
				if k.code == e.Code {
					it.Kind = k.word
					break
				}
			}
		}
		return it.err()
	}
	var errs []error
	for _, it := range e.Data.Errors {
		errs = append(errs, it.err())
	}
	return errors.Join(errs...)
}

func (it ItemError) err() error {
	te := &task.Error{Name: it.Name, Msg: it.Message}
	for _, k := range kinds {
		if k.word == it.Kind {
			te.Kind = k.kind
			break
		}
	}
	return te
}
