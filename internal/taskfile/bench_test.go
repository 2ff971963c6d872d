package taskfile

import (
	"fmt"
	"os"
	"strings"
	"testing"
)

func BenchmarkLoad(b *testing.B) {
	for _, n := range []int{10, 1000} {
		var text strings.Builder
		text.WriteString("env: {A: 1}\ntasks:\n")
		for i := range n {
			fmt.Fprintf(&text, "  task-%d:\n    command: ./run --port $PORT\n    env: {PORT: %d}\n    restart: on-failure\n    after: [task-0]\n    stop_timeout: 5s\n", i+1, 8000+i)
		}
		text.WriteString("  task-0: {command: x}\n")
		b.Run(fmt.Sprint(n), func(b *testing.B) {
			for b.Loop() {
				if _, err := parse("f", "/nowhere/f", text.String(), os.Environ()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
