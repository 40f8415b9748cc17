package main

import (
	"context"
	"errors"
	"os"
	"time"

	"weir/clickhouse"
	"weir/ingest/app"
	"weir/ingest/audit"
	"weir/ingest/retire"
	"weir/internal/eventlog"
)

// auditFlags are what every command that audits takes.
type auditFlags struct {
	Format    string        `enum:"table,json" default:"table" help:"What is printed: table or json."`
	OpenAfter time.Duration `default:"1h" help:"How old a call without an outcome may become before it is a finding."`
}

// Validate is called by kong.
func (c auditFlags) Validate() error {
	if c.OpenAfter < 0 {
		return errors.New("--open-after must not be negative")
	}
	return nil
}

// reachLimit is how long a command waits for Kafka before it gives up.
const reachLimit = 15 * time.Second

func reachKafka(ctx context.Context, o app.Options) error {
	log, err := eventlog.OpenLog(o.Kafka, o.Logger)
	if err != nil {
		return err
	}
	defer log.Close()
	return log.ReachWithin(ctx, reachLimit)
}

type auditCommand struct {
	auditFlags
	Full  bool          `help:"Read the whole log again, not only what came since the last audit."`
	Every time.Duration `help:"Audit again and again until stopped, each time this long after the last one ended." placeholder:"1h"`
}

// Validate is called by kong.
func (c auditCommand) Validate() error {
	if c.Every < 0 {
		return errors.New("--every must not be negative")
	}
	return c.auditFlags.Validate()
}

func (c auditCommand) run(ctx context.Context, o app.Options) (clean bool, err error) {
	db, err := clickhouse.Open(o.ClickHouse)
	if err != nil {
		return false, err
	}
	defer func() { _ = db.Close() }()
	once := func() (clean bool, err error) {
		if err := reachKafka(ctx, o); err != nil {
			return false, err
		}
		report, err := audit.Run(ctx, c.options(o, db, c.Full))
		if err != nil {
			return false, err
		}
		return report.Clean, c.write(report)
	}
	if c.Every <= 0 {
		return once()
	}
	// The result is in the report and in the metrics; what is away now may be back the next time.
	for {
		if _, err := once(); err != nil && ctx.Err() == nil {
			o.Logger.Error("audit", "error", err)
		}
		select {
		case <-ctx.Done():
			return true, nil
		case <-time.After(c.Every):
		}
	}
}

func (c auditFlags) options(o app.Options, db *clickhouse.DB, full bool) audit.Options {
	return audit.Options{
		Kafka: o.Kafka, DB: db, Full: full, OpenAfter: c.OpenAfter, Logger: o.Logger,
	}
}

type repairCommand struct {
	auditFlags
	Full   bool `help:"Read the whole log again before and after."`
	DryRun bool `help:"Say what would be done, and do nothing."`
}

func (c repairCommand) run(ctx context.Context, o app.Options) (clean bool, err error) {
	db, err := clickhouse.Open(o.ClickHouse)
	if err != nil {
		return false, err
	}
	defer func() { _ = db.Close() }()
	if err := reachKafka(ctx, o); err != nil {
		return false, err
	}
	report, err := audit.Repair(ctx, c.options(o, db, c.Full), c.DryRun)
	if err != nil {
		return false, err
	}
	return report.Clean, c.write(report)
}

type retireCommand struct {
	Node  string `arg:"" help:"The node, as ingest audit lists it."`
	Force bool   `help:"Also when it wrote within the last five minutes."`
}

func (c retireCommand) run(ctx context.Context, o app.Options) error {
	db, err := clickhouse.Open(o.ClickHouse)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	if err := reachKafka(ctx, o); err != nil {
		return err
	}
	r, err := retire.Run(ctx, retire.Options{Kafka: o.Kafka, DB: db, Node: c.Node, Force: c.Force, Logger: o.Logger})
	if err != nil {
		return err
	}
	o.Logger.Info("node retired", "node", c.Node, "last_seq", r.LastSeq, "closed_calls", r.Closed, "closed_by", r.Closer)
	return nil
}

func (c auditFlags) write(r *audit.Report) error {
	if c.Format == "json" {
		return r.WriteJSON(os.Stdout)
	}
	return r.WriteTable(os.Stdout)
}
