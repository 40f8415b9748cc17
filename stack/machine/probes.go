package machine

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"time"
)

// Each probe is one attempt to see whether a server answers in its own language.

func dial(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		return talk(ctx, address, func(net.Conn) error { return nil })
	}
}

func talk(ctx context.Context, address string, exchange func(net.Conn) error) error {
	var dialer net.Dialer
	conn, err := dialer.DialContext(ctx, "tcp", address)
	if err != nil {
		return err
	}
	defer conn.Close()
	if deadline, set := ctx.Deadline(); set {
		if err := conn.SetDeadline(deadline); err != nil {
			return err
		}
	}
	return exchange(conn)
}

// pingHTTP wants a 200. Connections are not kept: the process behind the address may be another next time.
func pingHTTP(address, path string) func(context.Context) error {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 10 * time.Second}
	return func(ctx context.Context) error {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+path, nil)
		if err != nil {
			return err
		}
		resp, err := client.Do(req)
		if err != nil {
			return err
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(io.LimitReader(resp.Body, 300))
		if err != nil {
			return err
		}
		if resp.StatusCode != http.StatusOK {
			return fmt.Errorf("%s answers %s: %s", path, resp.Status, strings.TrimSpace(string(body)))
		}
		return nil
	}
}

// pingRedis takes any answer of the protocol: a Redis that wants a password is up.
func pingRedis(address string) func(context.Context) error {
	return func(ctx context.Context) error {
		return talk(ctx, address, func(conn net.Conn) error {
			if _, err := conn.Write([]byte("*1\r\n$4\r\nPING\r\n")); err != nil {
				return err
			}
			var first [1]byte
			if _, err := io.ReadFull(conn, first[:]); err != nil {
				return err
			}
			if first[0] != '+' && first[0] != '-' {
				return errors.New("this is not a Redis")
			}
			return nil
		})
	}
}

// askKafka sends ApiVersions (key 18) in its version 0, the request that every broker answers, and waits
// for the size of the answer. A connection alone would say too little: kfake listens before it has read
// its log.
func askKafka(address string) func(context.Context) error {
	const correlation = 0x77656972
	return func(ctx context.Context) error {
		return talk(ctx, address, func(conn net.Conn) error {
			request := binary.BigEndian.AppendUint32(nil, 10)             // size of what follows
			request = binary.BigEndian.AppendUint16(request, 18)          // API key
			request = binary.BigEndian.AppendUint16(request, 0)           // its version
			request = binary.BigEndian.AppendUint32(request, correlation) // comes back
			request = binary.BigEndian.AppendUint16(request, ^uint16(0))  // no client id
			if _, err := conn.Write(request); err != nil {
				return err
			}
			var answer [8]byte
			if _, err := io.ReadFull(conn, answer[:]); err != nil {
				return err
			}
			if binary.BigEndian.Uint32(answer[4:]) != correlation {
				return errors.New("this is not a Kafka")
			}
			return nil
		})
	}
}
