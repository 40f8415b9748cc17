package calls

import (
	"bufio"
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"strconv"
	"time"

	"weir/e2e/stacktest"
)

// connection is a kept HTTP/1.1 connection that makes one call after the other and looks at as little of
// the answers as it can.
type connection struct {
	conn net.Conn
	in   *bufio.Reader
}

// answer is what is taken from one answer.
type answer struct {
	first     time.Time // the first byte of the body had come
	requestID string    // "" where the gateway gives none
}

// dial opens a connection on which nothing may take longer than limit.
func (t Target) dial(ctx context.Context, limit time.Duration) (*connection, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", t.Address)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	if err := conn.SetDeadline(time.Now().Add(limit)); err != nil {
		return nil, fmt.Errorf("set a deadline: %w", err)
	}
	return &connection{conn, bufio.NewReaderSize(conn, 16<<10)}, nil
}

// call sends a request and reads the answer to its end.
func (c *connection) call(request []byte) (a answer, err error) {
	if _, err := c.conn.Write(request); err != nil {
		return a, fmt.Errorf("send a call: %w", err)
	}
	length, err := c.header(&a)
	if err == nil {
		err = c.body(length, &a)
	}
	if err != nil {
		return a, fmt.Errorf("read an answer: %w", err)
	}
	return a, nil
}

// header reads the answer's head and returns the length of the body, -1 for chunks.
func (c *connection) header(a *answer) (int, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	if !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")) {
		rest, _ := c.in.Peek(c.in.Buffered())
		return 0, fmt.Errorf("the answer is %s%s", line, rest)
	}
	length := -1
	for {
		line, err := c.in.ReadSlice('\n')
		if err != nil {
			return 0, err
		}
		name, value, found := bytes.Cut(line, []byte(":"))
		switch {
		case !found:
			return length, nil
		case bytes.EqualFold(name, []byte("Content-Length")):
			if length, err = strconv.Atoi(string(bytes.TrimSpace(value))); err != nil {
				return 0, fmt.Errorf("read the content length: %w", err)
			}
		case bytes.EqualFold(name, []byte(stacktest.RequestIDHeader)):
			a.requestID = string(bytes.TrimSpace(value))
		}
	}
}

func (c *connection) body(length int, a *answer) error {
	if length >= 0 {
		if _, err := c.in.Peek(min(1, length)); err != nil {
			return err
		}
		a.first = time.Now()
		_, err := io.CopyN(io.Discard, c.in, int64(length))
		return err
	}
	for {
		size, err := c.chunk()
		if err != nil || size == 0 {
			return err
		}
		if a.first.IsZero() {
			a.first = time.Now()
		}
	}
}

// chunk reads one chunk of a body and returns its size, 0 for the last.
func (c *connection) chunk() (int, error) {
	line, err := c.in.ReadSlice('\n')
	if err != nil {
		return 0, err
	}
	size, err := strconv.ParseInt(string(bytes.TrimSpace(line)), 16, 32)
	if err != nil {
		return 0, fmt.Errorf("read a chunk's size: %w", err)
	}
	_, err = c.in.Discard(int(size) + 2)
	return int(size), err
}
