package control

import "testing"

// The first figure is test case 2 of RFC 4231.
func TestHashKey(t *testing.T) {
	const want = "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"
	if got := HashKey("Jefe", "what do ya want for nothing?"); got != want {
		t.Errorf("HashKey = %s, want %s", got, want)
	}
	if HashKey("a", "key") == HashKey("b", "key") {
		t.Error("the secret does not matter")
	}
}
