// Package task is the vocabulary that everything else in this module shares:
// what a task is asked to be (Spec), what it is at this moment (Info), how a
// run ended (Exit), what went wrong (Error and its kinds), and the small
// interface behind which runs are executed (Engine, Run).
//
// It depends on the standard library alone and starts nothing by itself.
package task
