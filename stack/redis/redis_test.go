package redis

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestTimePasses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
		defer cancel()
		var total time.Duration
		passTime(ctx, func(passed time.Duration) {
			total += passed
			<-time.After(2 * time.Millisecond) // a slow one, in the bubble's time
		})
		if total < 9*time.Second || total > 10*time.Second {
			t.Errorf("in 10 s miniredis was told of %v", total)
		}
	})
}

// A key with a TTL is gone soon after it, with nobody touching it.
func TestKeysExpire(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close()
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- Run(ctx, address) }()

	conn := connect(t, address)
	defer conn.Close()
	answers := bufio.NewReader(conn)
	ask := func(args ...string) string {
		t.Helper()
		request := fmt.Sprintf("*%d\r\n", len(args))
		for _, arg := range args {
			request += fmt.Sprintf("$%d\r\n%s\r\n", len(arg), arg)
		}
		if _, err := conn.Write([]byte(request)); err != nil {
			t.Fatal(err)
		}
		line, err := answers.ReadString('\n')
		if err != nil {
			t.Fatal(err)
		}
		return strings.TrimSpace(line)
	}
	if got := ask("SET", "k", "v", "PX", "300"); got != "+OK" {
		t.Fatalf("SET = %s", got)
	}
	if got := ask("EXISTS", "k"); got != ":1" {
		t.Fatalf("EXISTS right after SET = %s, want :1", got)
	}
	tick, deadline := time.NewTicker(20*time.Millisecond), time.After(5*time.Second)
	defer tick.Stop()
	for ask("EXISTS", "k") != ":0" {
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("a key with 300 ms to live is there after 5 s")
		}
	}
	cancel()
	if err := <-ended; err != nil {
		t.Errorf("Run = %v", err)
	}
}

func connect(t *testing.T, address string) net.Conn {
	t.Helper()
	tick, deadline := time.NewTicker(10*time.Millisecond), time.After(5*time.Second)
	defer tick.Stop()
	for {
		conn, err := net.Dial("tcp", address)
		if err == nil {
			return conn
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatalf("connect: %v", err)
		}
	}
}
