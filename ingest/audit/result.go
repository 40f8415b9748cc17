package audit

import (
	"context"
	"encoding/json"
	"fmt"

	"weir/clickhouse"
)

// save stores the report in the table audits, for the metrics of a running
// ingest and for whoever looks back.
func (a *run) save(ctx context.Context) error {
	text, err := json.Marshal(a.report)
	if err != nil {
		return fmt.Errorf("encode the report: %w", err)
	}
	result := clickhouse.AuditResult{
		Started: a.report.Started, Finished: a.report.Finished, Full: a.report.Full,
		Findings: make(map[string]uint64), Acknowledged: make(map[string]uint64), Report: string(text),
	}
	for kind, n := range a.report.Counts() {
		result.Findings[string(kind)] = n
	}
	for _, k := range a.report.Acknowledged {
		result.Acknowledged[string(k.Kind)] += k.Count
	}
	for _, n := range a.report.Nodes {
		result.Dead += n.Dead
		result.Open += n.Open
	}
	return a.db.SaveAudit(ctx, result)
}
