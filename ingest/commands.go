package main

import (
	"context"
	"os"
	"time"

	"weir/clickhouse"
	"weir/ingest/app"
	"weir/ingest/audit"
	"weir/ingest/retire"
)

// auditFlags are what every command that audits takes.
type auditFlags struct {
	Format    string        `enum:"table,json" default:"table" help:"What is printed: table or json."`
	OpenAfter time.Duration `default:"1h" help:"How old a call without an outcome may become before it is a finding."`
}

type auditCommand struct {
	auditFlags
	Full  bool          `help:"Read the whole log again, not only what came since the last audit."`
	Every time.Duration `help:"Audit again and again until stopped, each time this long after the last one ended." placeholder:"1h"`
}

func (c auditCommand) run(ctx context.Context, o app.Options) (clean bool, err error) {
	db, err := clickhouse.Open(o.ClickHouse)
	if err != nil {
		return false, err
	}
	defer func() { _ = db.Close() }()
	once := func() (clean bool, err error) {
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
