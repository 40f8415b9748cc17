package ports

import (
	"errors"
	"net"
	"testing"
)

func TestFreePortsAreHeldAgainstOtherStacks(t *testing.T) {
	dir := t.TempDir()
	seen := map[int]bool{}
	low, high := candidates()
	for range 3 {
		set, err := NewSet(dir)
		if err != nil {
			t.Fatal(err)
		}
		defer set.Release()
		for range 8 {
			port, err := set.Free(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			if seen[port] {
				t.Errorf("port %d was given twice", port)
			}
			if port < low || port >= high {
				t.Errorf("port %d is outside [%d, %d)", port, low, high)
			}
			seen[port] = true
		}
	}
}

func TestTake(t *testing.T) {
	dir := t.TempDir()
	first, err := NewSet(dir)
	if err != nil {
		t.Fatal(err)
	}
	second, err := NewSet(dir)
	if err != nil {
		t.Fatal(err)
	}
	defer second.Release()
	port, err := first.Free(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if err := second.Take(port); !errors.Is(err, ErrTaken) {
		t.Errorf("Take of a port that another stack holds = %v, want ErrTaken", err)
	}
	first.Release()
	if err := second.Take(port); err != nil {
		t.Errorf("Take of a released port: %v", err)
	}
}

func TestTakeSeesOtherPrograms(t *testing.T) {
	for _, host := range []string{Host, "0.0.0.0"} {
		t.Run(host, func(t *testing.T) {
			listener, err := net.Listen("tcp4", net.JoinHostPort(host, "0"))
			if err != nil {
				t.Fatal(err)
			}
			defer listener.Close()
			set, err := NewSet(t.TempDir())
			if err != nil {
				t.Fatal(err)
			}
			defer set.Release()
			if err := set.Take(listener.Addr().(*net.TCPAddr).Port); !errors.Is(err, ErrTaken) {
				t.Errorf("Take = %v, want ErrTaken", err)
			}
		})
	}
}

func TestOutside(t *testing.T) {
	for _, c := range []struct {
		name, ephemeral string
		low, high       int
	}{
		{"Linux's default", "32768\t60999\n", lowest, highest},
		{"begins in ours", "20000 60999", lowest, 20_000},
		{"begins below ours", "1024 30000", 30_001, 65_536},
		{"takes everything", "1024 65535", lowest, highest},
		{"not a range", "x", lowest, highest},
	} {
		t.Run(c.name, func(t *testing.T) {
			if low, high := outside(c.ephemeral); low != c.low || high != c.high {
				t.Errorf("outside = %d, %d, want %d, %d", low, high, c.low, c.high)
			}
		})
	}
}
