package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"
	"unicode"

	"weir/clickhouse"
	"weir/ingest/app"
	"weir/ingest/audit"
	"weir/ingest/retire"
	"weir/internal/eventlog"
)

// output is how a command prints its result.
type output struct {
	Format string `enum:"table,json" default:"table" help:"What is printed: table or json."`
}

func (o output) write(result interface {
	WriteJSON(w io.Writer) error
	WriteTable(w io.Writer) error
}) error {
	if o.Format == "json" {
		return result.WriteJSON(os.Stdout)
	}
	return result.WriteTable(os.Stdout)
}

// auditFlags are what every command that audits takes.
type auditFlags struct {
	output
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

type acknowledgeCommand struct {
	output
	Reason string   `xor:"do" required:"" help:"Why this is known: one line, which later audits show. Acknowledges what the last audit found and nothing mends."`
	Undo   bool     `xor:"do" required:"" help:"Take acknowledgements back, so that what they cover is found again."`
	List   bool     `xor:"do" required:"" help:"Show what is acknowledged."`
	Kinds  []string `arg:"" optional:"" name:"kind" help:"The kinds of findings; all that nothing mends without any."`
}

// maxReason bounds a reason, in bytes: it is a column of a table.
const maxReason = 500

// Validate is called by kong.
func (c acknowledgeCommand) Validate() error {
	for _, k := range c.Kinds {
		if err := audit.CheckAcknowledgeable(audit.Kind(k)); err != nil {
			return err
		}
	}
	if c.Undo || c.List {
		return nil
	}
	if strings.TrimSpace(c.Reason) == "" || len(c.Reason) > maxReason || strings.ContainsFunc(c.Reason, unicode.IsControl) {
		return fmt.Errorf("--reason must be one line of 1 to %d bytes that says why this is known", maxReason)
	}
	return nil
}

func (c acknowledgeCommand) run(ctx context.Context, o app.Options) error {
	db, err := clickhouse.Open(o.ClickHouse)
	if err != nil {
		return err
	}
	defer func() { _ = db.Close() }()
	kinds := audit.Acknowledgeable()
	if len(c.Kinds) > 0 {
		kinds = slices.DeleteFunc(kinds, func(k audit.Kind) bool { return !slices.Contains(c.Kinds, string(k)) })
	}
	var list audit.Acknowledgements
	switch {
	case c.List:
		list, err = audit.ListAcknowledged(ctx, db, kinds)
	case c.Undo:
		list, err = audit.Withdraw(ctx, db, kinds)
	default:
		list, err = audit.Acknowledge(ctx, db, kinds, c.Reason)
	}
	if err != nil {
		return err
	}
	if !c.List {
		o.Logger.Info("stored; the metrics and the alert follow with the next audit", "findings", len(list), "undone", c.Undo)
	}
	return c.write(list)
}
