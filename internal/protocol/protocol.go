// Package protocol is what a client and the supervisor say to each other:
// JSON-RPC 2.0 (https://www.jsonrpc.org/specification), one object per line.
// docs/protocol.md shows every method with a request and its reply.
package protocol

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	"tasks/pkg/task"
)

// Version is the protocol's. It changes when an old client could misread a reply.
const Version = 1

// MaxLine is the longest line, in bytes with its newline, that a supervisor reads.
const MaxLine = 1 << 20

// MaxID is the longest id, in bytes as it is sent, that a request may have: a
// request keeps it as long as it lasts.
const MaxID = 1 << 10

// Request is a call, or without an ID a notification.
type Request struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id,omitempty"`
	Method  string          `json:"method"`
	Params  json.RawMessage `json:"params,omitempty"`
}

// Reply answers a Request with either Result or Error.
type Reply struct {
	JSONRPC string          `json:"jsonrpc"`
	ID      json.RawMessage `json:"id"`
	Result  any             `json:"result,omitempty"`
	Error   *Error          `json:"error,omitempty"`
}

// Notice is the notification that carries an event of a watch.
type Notice struct {
	JSONRPC string      `json:"jsonrpc"`
	Method  string      `json:"method"` // "event"
	Params  NoticeEvent `json:"params"`
}

// NoticeEvent is an event, and the id of the request that asked for it.
type NoticeEvent struct {
	Watch json.RawMessage `json:"watch"`
	task.Event
}

// Info is what the supervisor says of itself.
type Info struct {
	Version   string             `json:"version"`
	Program   string             `json:"program,omitempty"` // that the supervisor is a part of, if it is not the daemon
	Protocol  int                `json:"protocol"`
	PID       int                `json:"pid"`
	StartedAt task.Time          `json:"started_at"`
	Uptime    task.Duration      `json:"uptime"`
	Socket    string             `json:"socket"`
	StateDir  string             `json:"state_dir,omitempty"`
	StateLost string             `json:"state_lost,omitempty"` // why nothing can be recorded: it, or what is in it, was removed or replaced
	Log       string             `json:"log,omitempty"`
	Counts    map[task.State]int `json:"counts"`
	Strays    []int              `json:"strays,omitempty"` // pids of children that belong to no task
	Ending    bool               `json:"ending,omitempty"` // it stops its tasks, or leaves them, and then ends
}

// Output is a part of what a run wrote.
type Output struct {
	Run    int    `json:"run"`
	Offset int64  `json:"offset"`           // of the first byte: more than asked for where that is not kept
	Size   int64  `json:"size"`             // of all that it had written when the reply began; 0 of a supervisor that does not say
	Text   string `json:"text,omitempty"`   // if it is UTF-8
	Base64 string `json:"base64,omitempty"` // else
	Next   int64  `json:"next"`             // of the byte behind the last
	Ended  bool   `json:"ended"`            // nothing comes after it
}

// Date is a time of a schedule.
type Date struct {
	At     task.Time `json:"at"`
	Offset string    `json:"offset"` // to UTC, in the schedule's time zone: "+01:00"
}

// The params of the methods. Each request's are one object; what it does not
// name has its zero value, and unknown keys are refused.
type (
	// Start has a spec, or without its name the known tasks to start again.
	Start struct {
		task.Spec
		Names   []string `json:"names,omitempty"`
		All     bool     `json:"all,omitempty"`
		Groups  []string `json:"groups,omitempty"`
		Replace bool     `json:"replace,omitempty"` // stop first what has that name
	}
	// Each is a start of one task per input: of the name, the command and the group
	// what stands in braces is replaced.
	Each struct {
		task.Spec
		Inputs []string `json:"inputs"`
		First  int      `json:"first,omitempty"` // number of the first input, {#}; default 1
	}
	// Next asks for the next times of a schedule, or of the task called name.
	Next struct {
		task.When
		Name  string `json:"name,omitempty"`
		Count int    `json:"count"`
	}
	// Apply sets groups and starts tasks, each after those of its dependencies that
	// are among them. With Change it is a part of the change of a tasks file.
	Apply struct {
		Change string              `json:"change,omitempty"` // its id, made by who asks for it
		Part   int                 `json:"part,omitempty"`   // counts those of the change, from 0 on
		Envs   map[string]task.Env `json:"envs,omitempty"`   // environments by their hashes
		Groups []task.Group        `json:"groups,omitempty"`
		Tasks  []ApplyTask         `json:"tasks,omitempty"`  // in an order in which none comes before what it is after
		Commit *Commit             `json:"commit,omitempty"` // of the last part
	}
	// ApplyTask is a task, of a change also one whose environment was sent before.
	ApplyTask struct {
		task.Spec
		EnvHash string `json:"env_hash,omitempty"` // in place of env: one of Envs
	}
	// Commit has a change carried out.
	Commit struct {
		File    string `json:"file"`              // the tasks file, absolute
		Project string `json:"project,omitempty"` // that its names begin with
		Prune   bool   `json:"prune,omitempty"`   // stop all other tasks of the file
		Down    bool   `json:"down,omitempty"`    // stop the tasks; only their names count
		Missing bool   `json:"missing,omitempty"` // start only those tasks that are not there
		Check   bool   `json:"check,omitempty"`   // only tell what would be done
		NoWait  bool   `json:"nowait,omitempty"`  // only if no other change of the file is under way
	}
	// Turn pauses or resumes tasks, or enables or disables their schedules.
	Turn struct{ task.Selector }
	// GroupSet changes what is set of a group: what is named, the rest stays.
	GroupSet struct {
		Name      string      `json:"name"`
		Slots     *task.Slots `json:"slots,omitempty"` // a number, or "none"
		OnExit    *string     `json:"on_exit,omitempty"`
		OnFailure *string     `json:"on_failure,omitempty"`
		Temporary bool        `json:"temporary,omitempty"` // forget it with its last task, or with the connection if none comes, unless it was set otherwise before
	}
	// Group names one group.
	Group struct {
		Name string `json:"name"`
	}
	// Stop stops and joins.
	Stop struct {
		task.Selector
		Now     bool           `json:"now,omitempty"`     // kill at once
		Timeout *task.Duration `json:"timeout,omitempty"` // in place of the spec's stop timeout
	}
	// Restart stops, joins and starts.
	Restart struct{ task.Selector }
	// Retry starts tasks that failed or are lost again.
	Retry struct{ task.Selector }
	// Edit changes the specs of tasks.
	Edit struct {
		task.Selector
		Set json.RawMessage `json:"set"` // a merge patch: see Patch
	}
	// List selects tasks; nothing selected is all of them.
	List struct {
		task.Selector
		States []task.State `json:"states,omitempty"` // only those
		Stats  bool         `json:"stats,omitempty"`  // with what they use
		Runs   bool         `json:"runs,omitempty"`   // with their last runs
		Env    bool         `json:"env,omitempty"`    // with their environment
		Tree   bool         `json:"tree,omitempty"`   // with the processes of their runs
	}
	// Watch selects tasks, also future ones; nothing selected is all of them.
	Watch struct{ task.Selector }
	// Wait waits for tasks.
	Wait struct {
		task.Selector
		Any     bool           `json:"any,omitempty"`
		Once    bool           `json:"once,omitempty"` // a task in backoff is not waited for any longer
		For     string         `json:"for,omitempty"`  // "ended" (the default), "running" or "ready"
		Timeout *task.Duration `json:"timeout,omitempty"`
	}
	// Logs asks for what a run wrote.
	Logs struct {
		Name   string `json:"name"`
		Run    int    `json:"run,omitempty"`    // 0: the newest
		Offset int64  `json:"offset,omitempty"` // of the first byte
		Wait   bool   `json:"wait,omitempty"`   // until there is more, or the run has ended
	}
	// Signal sends a signal to process groups.
	Signal struct {
		task.Selector
		Signal string `json:"signal"`
	}
	// Remove forgets ended tasks.
	Remove struct {
		task.Selector
		Force    bool         `json:"force,omitempty"`    // stop first
		Ended    bool         `json:"ended,omitempty"`    // skip tasks that have not ended
		Finished bool         `json:"finished,omitempty"` // skip tasks that are not Finished
		States   []task.State `json:"states,omitempty"`   // pass over those in other states
	}
	// Replace has another version of the program take over in place. What is not
	// given of the limits stays as it is.
	Replace struct {
		Program    string     `json:"program"` // absolute path
		KeepEnded  *int       `json:"keep_ended,omitempty"`
		LogMaxSize *task.Size `json:"log_max_size,omitempty"`
		LogKeep    *int       `json:"log_keep,omitempty"`
		LogTotal   *task.Size `json:"log_total,omitempty"`
	}
	// Exit stops everything and ends the supervisor.
	Exit struct {
		Timeout *task.Duration `json:"timeout,omitempty"` // caps every grace
		Keep    bool           `json:"keep,omitempty"`    // processes run on, for the next supervisor
	}
)

// Decode reads params into v, strictly. No params are an empty object.
func Decode(params json.RawMessage, v any) error {
	if len(params) == 0 {
		return nil
	}
	if params[0] != '{' {
		return &Error{Code: CodeParams, Message: inParams + "give an object"}
	}
	if err := check(params, reflect.TypeOf(v)); err != nil {
		return &Error{Code: CodeParams, Message: inParams + err.Error()}
	}
	if err := json.Unmarshal(params, v); err != nil {
		return &Error{Code: CodeParams, Message: inParams + plain(err)}
	}
	return nil
}

// plain is err without the names of packages and Go types, which do not help a
// client.
func plain(err error) string {
	if wrong, ok := err.(*json.UnmarshalTypeError); ok {
		field := wrong.Field
		for strings.Contains(field, ".") && field[0] >= 'A' && field[0] <= 'Z' { // an embedded struct
			_, field, _ = strings.Cut(field, ".")
		}
		kind := "a " + wrong.Value
		if wrong.Value == "array" || wrong.Value == "object" {
			kind = "an " + wrong.Value
		}
		return fmt.Sprintf("%s cannot be %s", field, kind)
	}
	text, _, _ := strings.Cut(strings.TrimPrefix(err.Error(), "json: "), ": json: ")
	return text
}
