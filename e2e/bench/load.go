package main

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// request is the bytes of one HTTP request, put together once: the load generator must not be what is
// measured.
func request(address, key, body string) []byte {
	return fmt.Appendf(nil, "POST /v1/chat/completions HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", address, key, len(body), body)
}

// drive keeps callers calls in flight for length and returns how many were answered in full and how long
// it took until the last one was.
func drive(ctx context.Context, address string, request []byte, callers int, length time.Duration) (int, time.Duration, error) {
	ctx, cancel := context.WithTimeout(ctx, length+time.Minute)
	defer cancel()
	began := time.Now()
	var calls atomic.Int64
	var wait sync.WaitGroup
	failed := make(chan error, callers)
	for range callers {
		wait.Go(func() {
			if err := caller(ctx, address, request, began.Add(length), &calls); err != nil {
				failed <- err
			}
		})
	}
	wait.Wait()
	select {
	case err := <-failed:
		return 0, 0, err
	default:
		return int(calls.Load()), time.Since(began), nil
	}
}

// caller makes one call after the other on one connection.
func caller(ctx context.Context, address string, request []byte, until time.Time, calls *atomic.Int64) error {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", address)
	if err != nil {
		return fmt.Errorf("connect: %w", err)
	}
	defer conn.Close()
	if deadline, ok := ctx.Deadline(); ok {
		if err := conn.SetDeadline(deadline); err != nil {
			return fmt.Errorf("set a deadline: %w", err)
		}
	}
	in := bufio.NewReaderSize(conn, 64<<10)
	for time.Now().Before(until) && ctx.Err() == nil {
		if _, err := conn.Write(request); err != nil {
			return fmt.Errorf("send a call: %w", err)
		}
		if err := readAnswer(in); err != nil {
			return fmt.Errorf("read an answer: %w", err)
		}
		calls.Add(1)
	}
	return ctx.Err()
}

// readAnswer reads one answer to its end and looks at nothing but its status and its framing.
func readAnswer(in *bufio.Reader) error {
	line, err := in.ReadSlice('\n')
	if err != nil {
		return err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
		rest, _ := in.Peek(in.Buffered())
		return fmt.Errorf("the answer is %s%s", line, rest)
	}
	length := -1
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		if len(line) <= 2 {
			break
		}
		if name, value, _ := bytes.Cut(line, []byte(": ")); bytes.EqualFold(name, []byte("Content-Length")) {
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return fmt.Errorf("read the content length: %w", err)
			}
		}
	}
	if length >= 0 {
		_, err := io.CopyN(io.Discard, in, int64(length))
		return err
	}
	for {
		line, err := in.ReadSlice('\n')
		if err != nil {
			return err
		}
		size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
		if err != nil {
			return fmt.Errorf("read a chunk's size: %w", err)
		}
		if _, err := in.Discard(int(size) + 2); err != nil {
			return err
		}
		if size == 0 {
			return nil
		}
	}
}
