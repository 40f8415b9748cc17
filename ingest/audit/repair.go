package audit

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"weir/ingest/facts"
	"weir/internal/eventlog"
	"weir/schemas"
)

// A repair's block is bounded as ingest's are.
const (
	repairRows  = 50_000
	repairBytes = 64 << 20
)

// Mended is what a repair did, or would do, in one range of offsets.
type Mended struct {
	Topic       schemas.Topic `json:"topic"`
	Partition   int32         `json:"partition"`
	FirstOffset int64         `json:"first_offset"`
	LastOffset  int64         `json:"last_offset"`
	// Removed is of how many offsets all rows were removed, Inserted how many
	// rows were made from the log, Dead how many records did not decode and went
	// to weir.dead.
	Removed  int `json:"removed"`
	Inserted int `json:"inserted"`
	Dead     int `json:"dead"`
}

// Repair audits, puts the fact tables right from the log, and audits again. The
// report is the second audit's, with what was done in Mended. With dry, nothing
// is changed and the report is the first one's.
//
// It works while ingest runs: it touches only offsets below what ingest has
// committed, to which ingest never returns. One that is cut off leaves rows
// missing at worst, and the next one puts them back. Rollups are not touched.
func Repair(ctx context.Context, o Options, dry bool) (report *Report, err error) {
	err = o.DB.LockRepair(ctx, func(ctx context.Context) error {
		before, err := Run(ctx, o)
		if err != nil {
			return err
		}
		report = before
		done := make([]Mended, 0, len(before.mends))
		for _, m := range before.mends {
			if dry {
				done = append(done, m.plan())
				continue
			}
			mended, err := o.mend(ctx, m, before.Started)
			if err != nil {
				return err
			}
			done = append(done, mended)
		}
		if !dry {
			if report, err = Run(ctx, o); err != nil {
				return err
			}
		}
		report.Mended, report.Dry = done, dry
		return nil
	})
	return report, err
}

func (m mend) plan() Mended {
	all := slices.SortedFunc(slices.Values(slices.Concat(m.remove, m.insert)), func(a, b offsets) int { return cmp.Compare(a.First, b.First) })
	return Mended{
		Topic: m.topic, Partition: m.partition, FirstOffset: all[0].First, LastOffset: all[len(all)-1].Last,
		Removed: m.remove.count(), Inserted: m.insert.count(),
	}
}

// mend removes rows and makes those of the log's events in their place.
func (o Options) mend(ctx context.Context, m mend, at time.Time) (Mended, error) {
	done := m.plan()
	done.Inserted = 0
	for offsets := range slices.Chunk(slices.Collect(m.remove.all), repairRows) {
		if err := o.DB.DeleteFacts(ctx, m.topic, m.partition, offsets); err != nil {
			return done, err
		}
	}
	if len(m.insert) == 0 {
		return done, nil
	}
	log, err := eventlog.OpenLog(o.Kafka, o.Logger)
	if err != nil {
		return done, err
	}
	defer log.Close()
	sink := facts.NewSink(o.DB)
	batch := sink.NewBatch(m.topic, m.partition)
	flush := func(last int64) error {
		if batch.Rows() == 0 {
			return nil
		}
		// A token of its own: the server may remember the one of an earlier repair
		// of the same rows.
		token := fmt.Sprintf("repair/%s/%d/%d/%d", m.topic, m.partition, last, at.UnixNano())
		if err := batch.Insert(ctx, token); err != nil {
			return fmt.Errorf("put back rows of %s/%d: %w", m.topic, m.partition, err)
		}
		missing, err := batch.Missing(ctx)
		if err != nil {
			return fmt.Errorf("look for the rows that were put back: %w", err)
		}
		if missing != nil {
			return fmt.Errorf("put back rows of %s/%d: %d of %d are not there; run it again", m.topic, m.partition, missing.Rows(), batch.Rows())
		}
		done.Inserted += batch.Rows()
		batch = sink.NewBatch(m.topic, m.partition)
		return nil
	}
	wanted := m.insert
	err = log.Range(ctx, m.topic, m.partition, wanted[0].First, wanted[len(wanted)-1].Last+1, func(r *eventlog.Record) error {
		for len(wanted) > 0 && wanted[0].Last < r.Offset {
			wanted = wanted[1:]
		}
		if len(wanted) == 0 || r.Offset < wanted[0].First {
			return nil
		}
		if err := batch.Add(r); err != nil {
			done.Dead++
			return bury(ctx, log, r, err)
		}
		if batch.Rows() >= repairRows || batch.Bytes() >= repairBytes {
			return flush(r.Offset)
		}
		return nil
	})
	if err != nil {
		return done, err
	}
	return done, flush(done.LastOffset)
}

// bury writes a record that does not decode to weir.dead, as ingest does.
func bury(ctx context.Context, log *eventlog.Log, r *eventlog.Record, reason error) error {
	value, err := eventlog.DeadRecord(r, reason).MarshalVT()
	if err != nil {
		return fmt.Errorf("encode dead record: %w", err)
	}
	_, err = log.Append(ctx, schemas.TopicDead, 0, []byte(r.RequestID), value)
	return err
}
