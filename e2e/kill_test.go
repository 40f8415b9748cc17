package e2e_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"syscall"
	"time"

	"weir/e2e/stacktest"
)

// restart is how long a killed part may take until it is there again under a new pid.
const restart = 15 * time.Second

// kill kills a part of the stack and waits until the stack has started it again.
func kill(ctx context.Context, stack *stacktest.Stack, name string) error {
	before, err := stack.Pid(name)
	if err != nil {
		return err
	}
	if err := syscall.Kill(before, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill %s: %w", name, err)
	}
	err = stacktest.Until(ctx, restart, func() error {
		now, err := stack.Pid(name)
		if err == nil && now == before {
			err = errors.New("the ready file still has the old pid")
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("wait for %s to be started again: %w", name, err)
	}
	return nil
}

// waitGateway waits until the gateway that the client calls answers again. A JVM in its way to Kafka may take
// most of the time.
func waitGateway(ctx context.Context, client *stacktest.Client) error {
	return stacktest.Until(ctx, time.Minute, func() error {
		if a := client.Do(ctx, http.MethodGet, "/v1/models", nil); a.Status != http.StatusOK {
			return fmt.Errorf("the gateway answers %v", a)
		}
		return nil
	})
}
