// Package kafkatest is the Kafka of a test: kfake in the test's own process, or the server whose address is
// in WEIR_TEST_KAFKA, which is emptied for each test. What a test says of Kafka holds for both; where they
// differ on purpose is in docs/stack.md.
//
// A server is one for all: tests of one package use it one after the other, packages with go test -p 1.
package kafkatest

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
)

// Real says whether Start gives a real Kafka, for the lines that say what only one of the two does.
func Real() bool { return os.Getenv("WEIR_TEST_KAFKA") != "" }

// MinSession is the shortest session that a consumer may ask for; the stack's own Kafka allows it too.
const MinSession = time.Second

// emptyLimit is long enough for a session to end that a test left behind.
const emptyLimit = 30 * time.Second

// Start returns the addresses of a Kafka without topics and groups.
func Start(t testing.TB) []string {
	t.Helper()
	if address := os.Getenv("WEIR_TEST_KAFKA"); address != "" {
		ctx, cancel := context.WithTimeout(t.Context(), emptyLimit)
		defer cancel()
		if err := empty(ctx, address); err != nil {
			t.Fatalf("empty the Kafka at WEIR_TEST_KAFKA=%s: %v", address, err)
		}
		return []string{address}
	}
	cluster, err := kfake.NewCluster(kfake.NumBrokers(1), kfake.GroupMinSessionTimeout(MinSession))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(cluster.Close)
	return cluster.ListenAddrs()
}

// empty deletes all groups and topics, and returns when they are gone.
func empty(ctx context.Context, address string) error {
	cl, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.MetadataMinAge(10*time.Millisecond))
	if err != nil {
		return err
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	tick := time.NewTicker(50 * time.Millisecond)
	defer tick.Stop()
	for {
		left, err := sweep(ctx, adm)
		if err == nil && left == "" {
			return nil
		}
		select {
		case <-ctx.Done():
			return errors.Join(err, fmt.Errorf("still there: %s", left))
		case <-tick.C:
		}
	}
}

// sweep deletes what can be deleted and returns what was there.
func sweep(ctx context.Context, adm *kadm.Client) (left string, err error) {
	groups, err := adm.ListGroups(ctx)
	if err != nil {
		return "", err
	}
	if names := groups.Groups(); len(names) > 0 {
		left += "groups " + strings.Join(names, " ")
		deleted, err := adm.DeleteGroups(ctx, names...)
		for _, one := range deleted {
			if one.Err != nil && !errors.Is(one.Err, kerr.NonEmptyGroup) && !errors.Is(one.Err, kerr.GroupIDNotFound) {
				return left, one.Err
			}
		}
		if err != nil {
			return left, err
		}
	}
	topics, err := adm.ListTopics(ctx) // without Kafka's own
	if err != nil {
		return left, err
	}
	if names := topics.Names(); len(names) > 0 {
		left += " topics " + strings.Join(names, " ")
		if _, err := adm.DeleteTopics(ctx, names...); err != nil {
			return left, err
		}
	}
	return left, nil
}
