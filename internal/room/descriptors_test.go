package room

import "testing"

func TestHold(t *testing.T) {
	for _, tt := range []struct {
		limit     uint64
		fd, leave int
		want      bool
	}{
		{1 << 20, 1<<20 - 65, Optional, true},
		{1 << 20, 1<<20 - 64, Optional, false},
		{1 << 20, 1<<20 - 33, Needed, true},
		{1 << 20, 1<<20 - 32, Needed, false},
		{256, 191, Optional, true},
		{256, 192, Optional, false},
		{64, 47, Optional, true},
		{64, 48, Optional, false},
		{64, 55, Needed, true},
		{64, 56, Needed, false},
		{1<<64 - 1, 1 << 30, Optional, true}, // none
		{0, 3, Needed, false},
	} {
		if got := held(tt.fd, tt.leave, tt.limit); got != tt.want {
			t.Errorf("%d of %d, leaving %d: %v", tt.fd, tt.limit, tt.leave, got)
		}
	}
}
