package kafka

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"weir/stack/ports"
)

// Environment of the test binary when it is the broker: "address,folder".
const serveVariable = "WEIR_TEST_SERVE_KAFKA"

func TestMain(m *testing.M) {
	spec := os.Getenv(serveVariable)
	if spec == "" {
		os.Exit(m.Run())
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
	defer stop()
	address, dir, _ := strings.Cut(spec, ",")
	if err := Run(ctx, address, dir); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

type broker struct {
	address, dir string
	cmd          *exec.Cmd
	stderr       strings.Builder
}

func newBroker(t *testing.T) *broker {
	t.Helper()
	set, err := ports.NewSet("")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(set.Release)
	port, err := set.Free(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return &broker{address: fmt.Sprintf("%s:%d", ports.Host, port), dir: t.TempDir()}
}

func (b *broker) start(t *testing.T) {
	t.Helper()
	b.stderr.Reset()
	b.cmd = exec.Command(os.Args[0])
	b.cmd.Env = append(os.Environ(), serveVariable+"="+b.address+","+b.dir)
	b.cmd.Stderr = &b.stderr
	if err := b.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = b.cmd.Process.Kill() })
}

// up starts the broker and waits until it listens.
func (b *broker) up(t *testing.T) {
	t.Helper()
	b.start(t)
	tick, deadline := time.NewTicker(10*time.Millisecond), time.After(20*time.Second)
	defer tick.Stop()
	for {
		if conn, err := net.Dial("tcp", b.address); err == nil {
			_ = conn.Close()
			return
		}
		select {
		case <-tick.C:
		case <-deadline:
			t.Fatal("the broker does not listen after 20 s")
		}
	}
}

func (b *broker) end(t *testing.T, sig syscall.Signal) {
	t.Helper()
	if err := b.cmd.Process.Signal(sig); err != nil {
		t.Fatal(err)
	}
	_ = b.cmd.Wait() // a killed process ends with an error
}

func (b *broker) client(t *testing.T, opts ...kgo.Opt) *kgo.Client {
	t.Helper()
	client, err := kgo.NewClient(append([]kgo.Opt{kgo.SeedBrokers(b.address), kgo.RequiredAcks(kgo.AllISRAcks())}, opts...)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(client.Close)
	return client
}

// Acknowledged records, topics with their settings, and committed offsets with their metadata are there
// after each of several kills, and the producer goes on.
func TestAcknowledgedSurvivesKill(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 60*time.Second)
	defer cancel()
	b := newBroker(t)
	b.up(t)
	producer := b.client(t, kgo.RecordPartitioner(kgo.ManualPartitioner()))
	admin := kadm.NewClient(producer)
	forever := "-1"
	if _, err := admin.CreateTopic(ctx, 3, 1, map[string]*string{"retention.ms": &forever}, "ledger"); err != nil {
		t.Fatal(err)
	}
	const each = 500
	acknowledged := 0
	for round := range 4 {
		for i := range each {
			record := &kgo.Record{Topic: "ledger", Partition: int32(i % 3), Value: fmt.Appendf(nil, "%d/%d", round, i)}
			producer.Produce(ctx, record, func(_ *kgo.Record, err error) {
				if err == nil {
					acknowledged++
				}
			})
		}
		if err := producer.Flush(ctx); err != nil {
			t.Fatal(err)
		}
		var offsets kadm.Offsets
		offsets.Add(kadm.Offset{Topic: "ledger", Partition: 1, At: int64(round + 7), LeaderEpoch: -1, Metadata: fmt.Sprint("intent ", round)})
		if err := admin.CommitAllOffsets(ctx, "readers", offsets); err != nil {
			t.Fatal(err)
		}
		b.end(t, syscall.SIGKILL)
		b.up(t)

		committed, err := admin.FetchOffsets(ctx, "readers")
		if err != nil {
			t.Fatal(err)
		}
		got, _ := committed.Lookup("ledger", 1)
		if got.At != int64(round+7) || got.Metadata != fmt.Sprint("intent ", round) {
			t.Errorf("round %d: the committed offset is %d %q", round, got.At, got.Metadata)
		}
	}
	if acknowledged != 4*each {
		t.Fatalf("%d of %d records were acknowledged", acknowledged, 4*each)
	}
	if got := values(ctx, t, b); len(got) != acknowledged {
		t.Errorf("%d distinct records are in the log, %d were acknowledged", len(got), acknowledged)
	}
	configs, err := admin.DescribeTopicConfigs(ctx, "ledger")
	if err != nil {
		t.Fatal(err)
	}
	for _, config := range configs[0].Configs {
		if config.Key == "retention.ms" && config.MaybeValue() != "-1" {
			t.Errorf("retention.ms is %s after a kill, want -1", config.MaybeValue())
		}
	}
}

// values reads the whole log with a fresh client.
func values(ctx context.Context, t *testing.T, b *broker) map[string]bool {
	t.Helper()
	reader := b.client(t, kgo.ConsumeTopics("ledger"), kgo.ConsumeResetOffset(kgo.NewOffset().AtStart()))
	ends, err := kadm.NewClient(reader).ListEndOffsets(ctx, "ledger")
	if err != nil {
		t.Fatal(err)
	}
	var total int64
	ends.Each(func(end kadm.ListedOffset) { total += end.Offset })
	got := map[string]bool{}
	for read := int64(0); read < total; {
		fetches := reader.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			t.Fatal(err)
		}
		fetches.EachRecord(func(r *kgo.Record) { got[string(r.Value)] = true; read++ })
	}
	return got
}

func TestTopicsAreNotMadeByUse(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	b := newBroker(t)
	b.up(t)
	client := b.client(t, kgo.AllowAutoTopicCreation(), kgo.UnknownTopicRetries(1))
	err := client.ProduceSync(ctx, &kgo.Record{Topic: "nobody.made.me", Value: []byte("x")}).FirstErr()
	if !errors.Is(err, kerr.UnknownTopicOrPartition) {
		t.Errorf("producing to an unknown topic = %v, want UNKNOWN_TOPIC_OR_PARTITION", err)
	}
}

// A torn tail is cut, as after any crash; damage before it is not, and the broker says where it is.
func TestDamagedSegments(t *testing.T) {
	for _, c := range []struct {
		name   string
		damage func(segment []byte) []byte
		starts bool
	}{
		{"untouched", func(s []byte) []byte { return s }, true},
		{"the beginning of a batch at the end", func(s []byte) []byte { return append(s, s[:40]...) }, true},
		{"zeros at the end", func(s []byte) []byte { return append(s, make([]byte, 300)...) }, true},
		{"a flipped byte", func(s []byte) []byte { s[bytes.Index(s, []byte("record 9"))] ^= 1; return s }, false},
		{"a length that claims more", func(s []byte) []byte { s[10] = 0xff; return s }, false},
		{"garbage", func([]byte) []byte { return []byte(strings.Repeat("garbage ", 100)) }, false},
		{"garbage at the end", func(s []byte) []byte { return append(s, strings.Repeat("garbage ", 100)...) }, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
			defer cancel()
			b := newBroker(t)
			b.up(t)
			client := b.client(t)
			if _, err := kadm.NewClient(client).CreateTopic(ctx, 1, 1, nil, "ledger"); err != nil {
				t.Fatal(err)
			}
			for i := range 20 {
				if err := client.ProduceSync(ctx, &kgo.Record{Topic: "ledger", Value: fmt.Appendf(nil, "record %d", i)}).FirstErr(); err != nil {
					t.Fatal(err)
				}
			}
			client.Close()
			b.end(t, syscall.SIGKILL)

			path := filepath.Join(b.dir, "partitions", "ledger-0", "0.dat")
			segment, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, c.damage(segment), 0o600); err != nil {
				t.Fatal(err)
			}
			if c.starts {
				b.up(t)
				if got := len(values(ctx, t, b)); got != 20 {
					t.Errorf("%d records are left, want 20", got)
				}
				return
			}
			b.start(t)
			before, _ := os.ReadFile(path)
			stuck := time.AfterFunc(10*time.Second, func() { _ = b.cmd.Process.Kill() })
			defer stuck.Stop()
			if err := b.cmd.Wait(); err == nil {
				t.Error("the broker ended without an error")
			}
			if !strings.Contains(b.stderr.String(), "the segment "+path+" is damaged") {
				t.Errorf("the broker said %q", b.stderr.String())
			}
			if after, _ := os.ReadFile(path); len(after) != len(before) {
				t.Errorf("the segment had %d bytes and has %d", len(before), len(after))
			}
		})
	}
}

func TestRunRefusesOtherHosts(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	for _, address := range []string{"0.0.0.0:9092", "nonsense", listener.Addr().String()} {
		if err := Run(t.Context(), address, t.TempDir()); err == nil {
			t.Errorf("Run on %s = nil, want an error", address)
		}
	}
}
