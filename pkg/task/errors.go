package task

import (
	"errors"
	"fmt"
)

// The kinds of errors. Every error of a supervisor that a caller can do
// something about is one of these to [errors.Is], also across the socket.
var (
	ErrNotFound    = errors.New("no such task")
	ErrConflict    = errors.New("the state of the task does not allow it")
	ErrUnavailable = errors.New("the supervisor does not answer")
	ErrTimeout     = errors.New("timed out")
	ErrUsage       = errors.New("wrong usage")
)

// An Error says what went wrong with one task in a sentence for people.
type Error struct {
	Kind error  // one of the kinds above, or nil
	Name string // the task's, or empty
	Msg  string
}

func (e *Error) Error() string { return e.Msg }

// Unwrap is the kind of the error.
func (e *Error) Unwrap() error { return e.Kind }

// Errorf makes an Error of the kind for the task called name.
func Errorf(kind error, name, format string, args ...any) *Error {
	return &Error{Kind: kind, Name: name, Msg: fmt.Sprintf(format, args...)}
}

// NoSuchTask is the ErrNotFound for name.
func NoSuchTask(name string) *Error {
	name = clip(name, MaxName)
	return Errorf(ErrNotFound, name, "No such task: %s", name)
}
