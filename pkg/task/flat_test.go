package task_test

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"tasks/pkg/task"
)

// An Info is one object as JSON, with what its run uses among the rest, and a task
// without that has none of it to stumble over.
func TestInfoIsFlat(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		info task.Info
		has  string
	}{
		"without": {task.Info{Name: "a", State: task.Done, Reason: "1 < 2"}, ""},
		"with":    {task.Info{Name: "a", Stats: &task.Stats{CPUPercent: 1.5, Processes: 2}}, `"cpu_percent":1.5,"memory_bytes":0,"processes":2`},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			text, err := json.Marshal(tt.info)
			if err != nil || !strings.Contains(string(text), tt.has) || strings.Contains(string(text), "cpu") != (tt.has != "") {
				t.Fatalf("%s, %v", text, err)
			}
			if flat, err := json.Marshal(tt.info.Flat()); err != nil || !bytes.Equal(flat, text) {
				t.Errorf("%s\nis not %s, %v", flat, text, err)
			}
			var got, flat task.Info
			if err := json.Unmarshal(text, &got); err != nil || !reflect.DeepEqual(got, tt.info) {
				t.Errorf("%+v, %v", got, err)
			}
			f := flat.Flat()
			if err := json.Unmarshal(text, f); err != nil || !reflect.DeepEqual(*f.Info(), tt.info) {
				t.Errorf("%+v, %v", flat, err)
			}
		})
	}
}
