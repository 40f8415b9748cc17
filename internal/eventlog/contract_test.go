package eventlog

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"weir/internal/eventlog/kafkatest"
	"weir/schemas"
)

// What Weir takes for granted of Kafka, operation by operation: against kfake, and against the server in
// WEIR_TEST_KAFKA. The tests of the journal and of the consumer run against both too.

// forgetful drops the answer to one produce request that it is told to: the broker has the batch, and the
// client does not know.
type forgetful struct {
	net.Conn
	produces atomic.Bool
	drop     *atomic.Bool
}

func (c *forgetful) Write(b []byte) (int, error) {
	if len(b) >= 6 {
		c.produces.Store(binary.BigEndian.Uint16(b[4:]) == 0) // the key of Produce, after the size
	}
	return c.Conn.Write(b)
}

func (c *forgetful) Read(b []byte) (int, error) {
	n, err := c.Conn.Read(b)
	if err == nil && c.produces.Load() && c.drop.CompareAndSwap(true, false) {
		_ = c.Close()
		return 0, io.ErrUnexpectedEOF
	}
	return n, err
}

// A batch whose acknowledgement is lost is sent again and kept once, in its place, with its headers.
func TestABatchThatIsSentAgainIsKeptOnce(t *testing.T) {
	k := startKafka(t, 3)
	ctx := deadline(t)
	var drop atomic.Bool
	cl, err := k.client(quiet(), append(producerOptions(), kgo.Dialer(func(ctx context.Context, network, address string) (net.Conn, error) {
		var d net.Dialer
		conn, err := d.DialContext(ctx, network, address)
		return &forgetful{Conn: conn, drop: &drop}, err
	}))...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	seq := uint64(0)
	for round := range 3 {
		drop.Store(round == 1)
		var records []*kgo.Record
		for range 10 {
			seq++
			records = append(records, toKafka("node", entry{topic: schemas.TopicUsage, partition: 1, requestID: fmt.Sprint("req_", seq), seq: seq, value: []byte{byte(seq)}}))
		}
		if err := produce(ctx, cl, records); err != nil {
			t.Fatal(err)
		}
	}
	if drop.Load() {
		t.Fatal("no answer was dropped")
	}
	log, err := OpenLog(k, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	for n, want := range []int64{0, 30, 0} {
		if start, end, err := log.Bounds(ctx, schemas.TopicUsage, int32(n)); err != nil || start != 0 || end != want {
			t.Errorf("partition %d holds %d to %d, %v; want 0 to %d", n, start, end, err, want)
		}
	}
	next := uint64(0)
	err = log.Range(ctx, schemas.TopicUsage, 1, 0, 30, func(r *Record) error {
		if next++; r.Seq != next || r.Node != "node" || r.RequestID != fmt.Sprint("req_", next) || string(r.Key) != r.RequestID {
			return fmt.Errorf("record %d is %+v", next, r)
		}
		return nil
	})
	if err != nil {
		t.Error(err)
	}
}

// The largest part of a chunk is one batch that the broker takes, also where nothing can be compressed.
func TestTheLargestBatchIsTaken(t *testing.T) {
	k := startKafka(t, 1)
	cl, err := k.client(quiet(), producerOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	noise := rand.NewChaCha8([32]byte{7})
	var records []*kgo.Record
	for i, size := range []int{chunkBytes - recordOverhead - 1000, maxEventBytes} { // a chunk that its last frame made too large
		value := make([]byte, size)
		if _, err := noise.Read(value); err != nil {
			t.Fatal(err)
		}
		records = append(records, toKafka("node", entry{topic: schemas.TopicPayloads, requestID: schemas.NewRequestID(), seq: uint64(i + 1), value: value}))
	}
	for _, part := range parts(records, chunkBytes) {
		if err := produce(deadline(t), cl, part); err != nil {
			t.Error(err)
		}
	}
}

// owned waits until a running consumer has all partitions of the ledger, of a generation above the given
// one, and returns its membership.
func owned(t *testing.T, c *Consumer, want func(partitions int) bool, above int32) membership {
	t.Helper()
	ctx := deadline(t)
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for {
		all := c.all()
		if len(all) > 0 && want(len(all)) && all[0].generation > above {
			return all[0].membership
		}
		select {
		case <-ctx.Done():
			t.Fatalf("it owns %d partitions", len(all))
		case <-tick.C:
		}
	}
}

// announcing is a partition that has come to announcing its batch, as a member.
func announcing(t *testing.T, id partitionID, m membership, batch intent) *partition {
	t.Helper()
	d, err := newDelivery(batch.first, 0, map[string]uint64{}, nil)
	if err != nil {
		t.Fatal(err)
	}
	d.filling = batch
	return &partition{partitionID: id, membership: m, delivery: d, sending: &sending{next: stepAnnounce}}
}

// committed is what the group has committed for a partition.
func committed(t *testing.T, c *Consumer, id partitionID) (int64, string) {
	t.Helper()
	all, err := kadm.NewClient(c.client).FetchOffsets(deadline(t), c.o.Group)
	if err != nil {
		t.Fatal(err)
	}
	o, ok := all.Lookup(string(id.topic), id.n)
	if !ok {
		return -1, ""
	}
	return o.At, o.Metadata
}

// A commit carries its metadata, counts while its generation is the group's, and is refused after it,
// whoever sends it: nothing of what the successor committed is overwritten.
func TestACommitOfAnOldGenerationIsRefused(t *testing.T) {
	k := startKafka(t, 3)
	ctx := deadline(t)
	c := newConsumer(t, k, newTable())
	run(t, c)
	all := len(ledger) * 3
	first := owned(t, c, func(n int) bool { return n == all }, 0)
	id := partitionID{schemas.TopicUsage, 2}
	if err := c.commit(ctx, []*partition{announcing(t, id, first, intent{5, 9, 4})}, stepAnnounce); err != nil {
		t.Fatal(err)
	}
	want := intent{5, 9, 4}.String()
	if at, text := committed(t, c, id); at != 5 || text != want {
		t.Errorf("committed is %d %q, want 5 %q", at, text, want)
	}

	leave := run(t, newConsumer(t, k, newTable()))
	second := owned(t, c, func(n int) bool { return n < all }, first.generation)
	for name, bad := range map[string]struct {
		membership
		refusal error
	}{
		"an old generation":            {first, kerr.IllegalGeneration},
		"a generation that is not yet": {membership{second.member, second.generation + 100}, kerr.IllegalGeneration},
		"an unknown member":            {membership{"weir-nobody", second.generation}, kerr.UnknownMemberID},
	} {
		err := c.commit(ctx, []*partition{announcing(t, id, bad.membership, intent{7, 8, 1})}, stepAnnounce)
		if !errors.Is(err, bad.refusal) {
			t.Errorf("a commit of %s = %v, want %v", name, err, bad.refusal)
		}
	}
	if at, text := committed(t, c, id); at != 5 || text != want {
		t.Errorf("committed is %d %q, want what was accepted last, 5 %q", at, text, want)
	}
	leave()
	third := owned(t, c, func(n int) bool { return n == all }, second.generation)
	if err := c.commit(ctx, []*partition{announcing(t, id, third, intent{6, 9, 4})}, stepAnnounce); err != nil {
		t.Errorf("a commit of the present generation = %v", err)
	}
}

// Kafka takes 4,096 bytes of metadata and kfake any number, which is why an intent is short.
func TestMetadataOfACommit(t *testing.T) {
	k := startKafka(t, 1)
	cl, err := k.client(quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	commit := func(size int) error {
		var offsets kadm.Offsets
		offsets.Add(kadm.Offset{Topic: string(schemas.TopicUsage), At: 1, LeaderEpoch: -1, Metadata: strings.Repeat("x", size)})
		done, err := adm.CommitOffsets(deadline(t), "contract", offsets)
		return errors.Join(err, done.Error())
	}
	if err := commit(4096); err != nil {
		t.Errorf("4,096 bytes = %v", err)
	}
	err = commit(4097)
	if kafkatest.Real() != errors.Is(err, kerr.OffsetMetadataTooLarge) {
		t.Errorf("4,097 bytes = %v", err)
	}
}

// What the log no longer holds, or does not hold yet, is an error for who reads it, and stops a consumer
// that has not delivered it.
func TestOffsetsOutsideOfTheLog(t *testing.T) {
	k := startKafka(t, 1)
	ctx := deadline(t)
	log, err := OpenLog(k, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	tab := newTable()
	stop := run(t, newConsumer(t, k, tab))
	for range 10 {
		if _, err := log.Append(ctx, schemas.TopicUsage, 0, nil, []byte("fine")); err != nil {
			t.Fatal(err)
		}
	}
	if err := tab.has(ctx, schemas.TopicUsage, 10); err != nil {
		t.Fatal(err)
	}
	stop()
	for range 3 {
		if _, err := log.Append(ctx, schemas.TopicUsage, 0, nil, []byte("fine")); err != nil {
			t.Fatal(err)
		}
	}
	var until kadm.Offsets
	until.Add(kadm.Offset{Topic: string(schemas.TopicUsage), At: 12})
	if deleted, err := kadm.NewClient(log.client).DeleteRecords(ctx, until); err != nil || deleted.Error() != nil {
		t.Fatal(err, deleted.Error())
	}
	if start, end, err := log.Bounds(ctx, schemas.TopicUsage, 0); err != nil || start != 12 || end != 13 {
		t.Errorf("the log holds %d to %d, %v; want 12 to 13", start, end, err)
	}
	for _, from := range []int64{0, 11, 14} {
		if err := log.Tail(ctx, schemas.TopicUsage, 0, from, func(*Record) error { return nil }); !errors.Is(err, kerr.OffsetOutOfRange) {
			t.Errorf("reading from %d = %v, want %v", from, err, kerr.OffsetOutOfRange)
		}
	}
	err = newConsumer(t, k, tab).Run(ctx)
	if err == nil || !strings.Contains(err.Error(), "offsets 10 to 11") || !strings.Contains(err.Error(), "--to earliest") {
		t.Errorf("Run = %v, want an error that names what is gone", err)
	}
}

// Records bear the time at which they were appended, and are found by it. Kafka puts its own time in the
// place of the producer's; kfake keeps what the producer says, which for us is the time of sending.
func TestRecordsBearTheBrokersTime(t *testing.T) {
	k := startKafka(t, 1)
	ctx := deadline(t)
	cl, err := k.client(quiet(), producerOptions()...)
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	log, err := OpenLog(k, quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	before := time.Now().Add(-time.Second)
	var appended []time.Time
	for len(appended) < 3 {
		appended = append(appended, appendedAt(t, cl, log, time.Time{}))
		waitForTheNextMilli(appended[len(appended)-1])
	}
	for i, at := range appended {
		if at.Before(before) || at.After(time.Now().Add(time.Second)) {
			t.Errorf("record %d was appended at %v", i, at)
		}
		if o, err := log.OffsetAt(ctx, schemas.TopicUsage, 0, at); err != nil || o != int64(i) {
			t.Errorf("OffsetAt(%v) = %d, %v, want %d", at, o, err, i)
		}
	}
	long := time.Date(2001, 2, 3, 4, 5, 6, 0, time.UTC)
	if at := appendedAt(t, cl, log, long); at.Equal(long) == kafkatest.Real() {
		t.Errorf("a record of %v was appended at %v", long, at)
	}
}

// appendedAt produces a record with a producer's time, and returns the time that it bears in the log.
func appendedAt(t *testing.T, cl *kgo.Client, log *Log, said time.Time) (at time.Time) {
	t.Helper()
	r := &kgo.Record{Topic: string(schemas.TopicUsage), Timestamp: said}
	if err := produce(deadline(t), cl, []*kgo.Record{r}); err != nil {
		t.Fatal(err)
	}
	err := log.Range(deadline(t), schemas.TopicUsage, 0, r.Offset, r.Offset+1, func(r *Record) error {
		at = r.Appended
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return at
}

// waitForTheNextMilli returns when a broker on this machine gives out a later time.
func waitForTheNextMilli(than time.Time) {
	for time.Now().UnixMilli() <= than.UnixMilli()+1 {
	}
}

// Topics are made as they are checked, at once and again; one with too few partitions is refused.
func TestTopicsAreMadeAsTheyAreChecked(t *testing.T) {
	k := emptyKafka(t)
	ctx := deadline(t)
	for range 2 {
		if err := EnsureControlTopic(ctx, k, quiet()); err != nil {
			t.Fatal(err)
		}
		if err := EnsureTopics(ctx, k, 3, quiet()); err != nil {
			t.Fatal(err)
		}
	}
	cl, err := k.client(quiet())
	if err != nil {
		t.Fatal(err)
	}
	defer cl.Close()
	adm := kadm.NewClient(cl)
	have, err := adm.ListTopics(ctx)
	if err != nil {
		t.Fatal(err)
	}
	for topic, want := range map[schemas.Topic]int{
		schemas.TopicControl: 1, schemas.TopicDead: 1, schemas.TopicUsage: 3, schemas.TopicPayloads: 3,
	} {
		if got := len(have[string(topic)].Partitions); got != want {
			t.Errorf("%s has %d partitions, want %d", topic, got, want)
		}
	}
	if err := EnsureTopics(ctx, k, 4, quiet()); err == nil || !strings.Contains(err.Error(), "has 3 partitions and the control log says 4") {
		t.Errorf("EnsureTopics with 4 partitions = %v", err)
	}
	day := "86400000"
	altered, err := adm.AlterTopicConfigs(ctx, []kadm.AlterConfig{{Op: kadm.SetConfig, Name: "retention.ms", Value: &day}}, string(schemas.TopicResponses))
	if err != nil || altered[0].Err != nil {
		t.Fatal(err, altered)
	}
	tick := time.NewTicker(10 * time.Millisecond)
	defer tick.Stop()
	for {
		err := EnsureTopics(ctx, k, 3, quiet())
		if err != nil && strings.Contains(err.Error(), "weir.responses has retention.ms=86400000 and must have -1") {
			break
		}
		select {
		case <-tick.C: // the change is on its way to the broker
		case <-ctx.Done():
			t.Fatalf("EnsureTopics of a topic that expires = %v", err)
		}
	}
}
