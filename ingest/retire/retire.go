// Package retire ends a node that will not return: a gateway whose machine or
// disk is gone. The control log then says that nothing above its last seq comes
// from it, a spool of it that turns up again is refused, and its open calls are
// closed as abandoned.
//
// Guarantee: each open call is closed once, also when a run is cut off and
// another follows, or two run at once. The outcomes are written under a node of
// their own, whose id and order depend on the retirement alone, so that a second
// run writes the same events, which readers know as repeats.
//
// Concurrency: any number of processes may retire nodes.
//
// Failure: Kafka or ClickHouse away, or an ingest that does not catch up, is an
// error; the command can be run again. What the node had on its spool and not in
// Kafka is lost with the spool.
package retire

import (
	"context"
	"crypto/sha256"
	"fmt"
	"log/slog"
	"time"

	"github.com/oklog/ulid/v2"

	"weir/clickhouse"
	"weir/internal/control"
	"weir/internal/eventlog"
	"weir/schemas"
)

// Options say which node is ended.
type Options struct {
	Kafka eventlog.Config
	DB    *clickhouse.DB
	Node  string
	// Force ends a node that has written within QuietFor.
	Force  bool
	Logger *slog.Logger
}

const (
	// QuietFor is how long a node must have been silent.
	QuietFor = 5 * time.Minute
	// catchUp is how long ingest may take to deliver what is in the log.
	catchUp = 2 * time.Minute
	// sayEvery is how often a wait for that is told.
	sayEvery = 5 * time.Second
)

// Result is what was done.
type Result struct {
	LastSeq uint64
	Closed  int    // calls
	Closer  string // the node under which they were closed, "" for none
}

// Run retires the node. Errors: the node is not known; it still writes; ingest
// does not catch up.
func Run(ctx context.Context, o Options) (r Result, err error) {
	store, partitions, err := control.Prepare(ctx, o.Kafka, o.Logger)
	if err != nil {
		return r, err
	}
	defer store.Close()
	log, err := eventlog.OpenLog(o.Kafka, o.Logger)
	if err != nil {
		return r, err
	}
	defer log.Close()
	if err := o.delivered(ctx, log); err != nil {
		return r, err
	}
	ended, retired := store.Retirements()[o.Node]
	if !retired {
		if ended, err = o.end(ctx, store); err != nil {
			return r, err
		}
		// What it wrote in the meantime.
		if err := o.delivered(ctx, log); err != nil {
			return r, err
		}
	}
	r.LastSeq = ended.LastSeq
	closer := closerOf(o.Node, ended.At)
	calls, err := o.openCalls(ctx, log, closer)
	if err != nil || len(calls) == 0 {
		return r, err
	}
	last, err := eventlog.CloseCalls(ctx, o.Kafka, partitions, closer, calls, o.Logger)
	if err != nil {
		return r, err
	}
	r.Closed, r.Closer = len(calls), closer
	return r, store.Retire(ctx, closer, last)
}

// end writes the node's end to the control log.
func (o Options) end(ctx context.Context, store *control.Store) (control.Retirement, error) {
	activity, err := o.DB.NodeActivity(ctx, o.Node)
	switch silent := time.Since(activity.LastAt); {
	case err != nil:
		return control.Retirement{}, err
	case activity.Events == 0:
		return control.Retirement{}, fmt.Errorf("node %s is not known: no event of it is in the tables; `ingest audit` lists the nodes", o.Node)
	case silent < QuietFor && !o.Force:
		return control.Retirement{}, fmt.Errorf("node %s wrote %s ago; stop its gateway and wait until it was silent for %s, or say --force when it is surely gone", o.Node, silent.Round(time.Second), QuietFor)
	}
	if err := store.Retire(ctx, o.Node, activity.LastSeq); err != nil {
		return control.Retirement{}, err
	}
	return store.Retirements()[o.Node], nil
}

// delivered waits until ingest has delivered what the log holds now, and says
// every sayEvery what it waits for.
func (o Options) delivered(ctx context.Context, log *eventlog.Log) error {
	_, ends, err := log.AllBounds(ctx, schemas.TopicRequests, schemas.TopicResponses, schemas.TopicUsage)
	if err != nil {
		return err
	}
	limit := time.NewTimer(catchUp)
	defer limit.Stop()
	tick := time.NewTicker(200 * time.Millisecond)
	defer tick.Stop()
	var said time.Time
	for {
		committed, err := log.Committed(ctx, schemas.GroupIngest)
		if err != nil {
			return err
		}
		behind := int64(0)
		for id, end := range ends {
			behind += max(0, end-committed[id])
		}
		if behind == 0 {
			return nil
		}
		if time.Since(said) >= sayEvery {
			said = time.Now()
			o.Logger.Info("waiting for ingest to deliver what the log holds", "node", o.Node, "records", behind, "at_most", catchUp.String())
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return ctx.Err()
		case <-limit.C:
			return fmt.Errorf("ingest has %d records to deliver and does not catch up; start it, and run this again", behind)
		}
	}
}

// openCalls reads the requests of the node's open calls from the log.
func (o Options) openCalls(ctx context.Context, log *eventlog.Log, closer string) ([]eventlog.OpenCall, error) {
	open, err := o.DB.OpenCalls(ctx, o.Node, closer)
	if err != nil {
		return nil, err
	}
	var calls []eventlog.OpenCall
	for len(open) > 0 {
		n := 1
		for n < len(open) && open[n].Partition == open[0].Partition {
			n++
		}
		wanted := open[:n]
		open = open[n:]
		err := log.Range(ctx, schemas.TopicRequests, wanted[0].Partition, wanted[0].Offset, wanted[n-1].Offset+1, func(r *eventlog.Record) error {
			if r.Offset != wanted[0].Offset {
				return nil
			}
			request := new(schemas.RequestReceived)
			if err := request.UnmarshalVT(r.Value); err != nil {
				return fmt.Errorf("decode request %s: %w", wanted[0].RequestID, err)
			}
			calls = append(calls, eventlog.OpenCall{Request: request, Responded: wanted[0].Responded, Recorded: wanted[0].Recorded})
			if wanted = wanted[1:]; len(wanted) == 0 {
				wanted = []clickhouse.OpenCall{{Offset: -1}}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return calls, nil
}

// closerOf is the id of the node that closes another one's calls: the same in
// every run.
func closerOf(node string, ended time.Time) string {
	sum := sha256.Sum256([]byte("weir retire " + node))
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(ended)) // fails in the year 10889
	_ = id.SetEntropy(sum[:10])           // ten bytes, as it must be
	return id.String()
}
