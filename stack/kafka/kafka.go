// Package kafka runs kfake, franz-go's Kafka in one process, as the log of the one-machine stack.
//
// It speaks the real protocol and keeps its log in a folder. An acknowledged record has been handed to
// the kernel, so it survives kill -9 of this process, and of the stack, but not a power cut: like
// Kafka's own default, segments are fsynced when they are full and at a clean stop. Topics, committed
// offsets and their metadata survive in the same way. Group members and the sequence numbers of
// idempotent producers do not survive a kill: consumers join again, and a producer that repeats a batch
// may get it written twice, which readers of Weir's log drop by seq.
//
// Where kfake would cut a damaged segment and go on, this package refuses to start: see damage.go.
// Where kfake would keep a member that was killed while it joined, this package has it leave: see ghosts.go.
package kafka

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"os"
	"path/filepath"
	"strconv"

	"github.com/twmb/franz-go/pkg/kfake"
)

// Run serves Kafka on address (host 127.0.0.1, a fixed port) with its log in dir until ctx ends, then
// saves and returns nil. There is one broker, and topics exist only when somebody creates them.
func Run(ctx context.Context, address, dir string) error {
	host, portText, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("read the address: %w", err)
	}
	port, err := strconv.Atoi(portText)
	if err != nil {
		return fmt.Errorf("read the port: %w", err)
	}
	if host != "127.0.0.1" {
		return fmt.Errorf("listen on %s: kfake listens on 127.0.0.1 only", host)
	}
	cluster, err := kfake.NewCluster(
		kfake.Ports(port),
		kfake.DataDir(dir),
		kfake.ClusterID("weir-stack"),
		kfake.DefaultNumPartitions(1),
		kfake.BrokerConfigs(map[string]string{"default.replication.factor": "1", "min.insync.replicas": "1"}),
		kfake.WithLogger(watcher{dir: dir, out: os.Stderr, refuse: refuse}),
	)
	if err != nil {
		return fmt.Errorf("open the log in %s: %w", dir, err)
	}
	// kfake writes the producers' sequence numbers at a clean stop only. Left in place they would be
	// older than the log after a kill, and turn a producer's next batch away.
	if err := os.Remove(filepath.Join(dir, "seq_windows.json")); err != nil && !errors.Is(err, fs.ErrNotExist) {
		cluster.Close()
		return fmt.Errorf("remove old sequence numbers: %w", err)
	}
	err = watchFor(cluster).sweep(ctx, address, sweepEvery)
	cluster.Close()
	return err
}
