package stacktest

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"
)

// pollEvery is the time between two tries of Until.
const pollEvery = 25 * time.Millisecond

// final is an error that no further try can mend.
type final struct{ error }

func (f final) Unwrap() error { return f.error }

// Final marks an error after which Until gives up at once.
func Final(err error) error { return final{err} }

// Until tries check until it returns nil, and returns its last error when that has not come within limit.
func Until(ctx context.Context, limit time.Duration, check func() error) error {
	ctx, cancel := context.WithTimeout(ctx, limit)
	defer cancel()
	ticker := time.NewTicker(pollEvery)
	defer ticker.Stop()
	for {
		err := check()
		if err == nil {
			return nil
		}
		if last := (final{}); errors.As(err, &last) {
			return last.error
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("not within %v: %w", limit, err)
		case <-ticker.C:
		}
	}
}

// Eventually fails the test when check has not returned nil within limit.
func Eventually(t testing.TB, limit time.Duration, check func() error) {
	t.Helper()
	if err := Until(t.Context(), limit, check); err != nil {
		t.Fatal(err)
	}
}
