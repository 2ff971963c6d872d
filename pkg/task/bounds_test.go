package task_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"tasks/pkg/task"
)

func TestBounds(t *testing.T) {
	t.Parallel()
	long, most := task.Duration(math.MaxInt64), task.Duration(task.MaxDuration)
	many, far, huge := math.MaxInt, task.MaxCount, task.Size(math.MaxInt64)
	big := task.MaxSize
	for want, change := range map[string]func(*task.Spec){
		"bad stop timeout":                  func(s *task.Spec) { s.StopTimeout = &long },
		"bad timeout":                       func(s *task.Spec) { s.Timeout = &long },
		"bad delay":                         func(s *task.Spec) { s.Delay = &long },
		"bad every":                         func(s *task.Spec) { s.Every = &long },
		"bad ready_timeout":                 func(s *task.Spec) { s.ReadyTimeout = &long },
		"bad ready_interval":                func(s *task.Spec) { s.ReadyInterval = &long },
		"bad health_interval":               func(s *task.Spec) { s.HealthInterval = &long },
		"bad health_timeout":                func(s *task.Spec) { s.HealthTimeout = &long },
		"bad number of restarts":            func(s *task.Spec) { s.MaxRestarts = &many },
		"bad health_retries":                func(s *task.Spec) { s.HealthRetries = &many },
		"bad number of logs to keep":        func(s *task.Spec) { s.LogKeep = &many },
		"bad log size":                      func(s *task.Spec) { s.LogMaxSize = &huge },
		"bad ready_interval 1ns: give 1ms":  func(s *task.Spec) { s.ReadyInterval = new(task.Duration(1)) },
		"bad health_interval 1ns: give":     func(s *task.Spec) { s.HealthInterval = new(task.Duration(1)) },
		"257 success codes: give each once": func(s *task.Spec) { s.SuccessCodes = make([]int, 257) },
		"bad priority":                      func(s *task.Spec) { s.Priority = math.MinInt },
		"bad priority 9":                    func(s *task.Spec) { s.Priority = math.MaxInt },
		"give a MIN of 1ms or more":         func(s *task.Spec) { s.Backoff = task.Backoff{Min: 1, Max: 1} },
		"give a MAX of 876000h (100 year":   func(s *task.Spec) { s.Backoff = task.Backoff{Min: time.Second, Max: math.MaxInt64} },
		"": func(s *task.Spec) {
			s.StopTimeout, s.Timeout, s.Delay, s.ReadyTimeout = &most, &most, &most, &most
			s.MaxRestarts, s.HealthRetries, s.LogKeep, s.LogMaxSize, s.Priority = &far, &far, &far, &big, math.MinInt32
			s.Backoff = task.Backoff{Min: task.MinInterval, Max: task.MaxDuration}
			s.SuccessCodes = make([]int, 256)
		},
	} {
		s := task.Spec{Name: "a", Command: []string{"x"}}
		change(&s)
		err := s.Check()
		if want == "" && err != nil || want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%q: %v", want, err)
		}
	}
	slots := task.MaxSlots + 1
	g := task.Group{Name: "g", Slots: &slots}
	if err := g.Check(); err == nil {
		t.Error("so many slots")
	}
}
