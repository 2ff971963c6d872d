package alarm

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestAlarm(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var a Alarm
		if a.C() != nil {
			t.Error("one that was never set may go off")
		}
		begin := time.Now()
		a.Set(begin.Add(time.Hour), begin)
		<-a.C()
		if d := time.Since(begin); d != time.Hour {
			t.Errorf("it goes off after %v", d)
		}
		// The clock is set back by half an hour, then forward beyond the time.
		a.Arm(time.Now().Add(-30 * time.Minute))
		<-a.C()
		if d := time.Since(begin); d != 90*time.Minute {
			t.Errorf("it goes off after %v", d)
		}
		a.Set(time.Now().Add(time.Hour), time.Now())
		a.Arm(time.Now().Add(2 * time.Hour))
		<-a.C()
		if d := time.Since(begin); d != 90*time.Minute {
			t.Errorf("a time that has passed is waited for until %v", d)
		}
		if a.Stop(); a.C() != nil || a.At.IsZero() {
			t.Error("one that was stopped goes off, or has lost its time")
		}
		if a.Set(time.Time{}, time.Now()); a.C() != nil {
			t.Error("zero is a time")
		}
	})
}
