package main

import (
	"context"
	"os"
	"time"

	"weir/clickhouse"
	"weir/ingest/app"
	"weir/ingest/audit"
)

// auditFlags are what every command that audits takes.
type auditFlags struct {
	Format    string        `enum:"table,json" default:"table" help:"What is printed: table or json."`
	OpenAfter time.Duration `default:"1h" help:"How old a call without an outcome may become before it is a finding."`
	ExtraTags []string      `default:"feature" help:"The aggregator's extra_tags."`
}

type auditCommand struct {
	auditFlags
	Full bool `help:"Read the whole log again, not only what came since the last audit."`
}

func (c auditCommand) run(ctx context.Context, o app.Options) (clean bool, err error) {
	db, err := clickhouse.Open(o.ClickHouse)
	if err != nil {
		return false, err
	}
	defer db.Close()
	report, err := audit.Run(ctx, c.options(o, db, c.Full))
	if err != nil {
		return false, err
	}
	return report.Clean, c.write(report)
}

func (c auditFlags) options(o app.Options, db *clickhouse.DB, full bool) audit.Options {
	return audit.Options{
		Kafka: o.Kafka, DB: db, Group: app.Group, Aggregator: "weir-aggregator", Generation: 1,
		ExtraTags: c.ExtraTags, Full: full, OpenAfter: c.OpenAfter, Logger: o.Logger,
	}
}

func (c auditFlags) write(r *audit.Report) error {
	if c.Format == "json" {
		return r.WriteJSON(os.Stdout)
	}
	return r.WriteTable(os.Stdout)
}
