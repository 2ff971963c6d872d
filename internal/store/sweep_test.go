package store
import ("testing";"bytes";"math/rand/v2";"fmt")
func TestSweep(t *testing.T) {
	b, _, records := sample(t, 12)
	t.Log(len(b))
	n := 0
	for at := 0; at < len(b); at++ {
		if b[at] == 0 && at%4096 > 200 && at % 37 != 0 { continue }
		c := bytes.Clone(b)
		bit := rand.IntN(8)
		c[at] ^= 1 << bit
		t.Run(fmt.Sprintf("%d-%d+%d", at/4096, at%4096,bit), func(t *testing.T) { openDamaged(t, c, records) ; if t.Failed() { t.Logf("%x", b[at/4096*4096:at/4096*4096+160])}})
		n++
	}
	t.Log(n)
}
