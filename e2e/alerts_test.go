package e2e_test

import (
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/rulefmt"
	"github.com/prometheus/prometheus/promql/parser"
	"go.yaml.in/yaml/v3"

	"weir/e2e/stacktest"
)

// rules reads the alerts with Prometheus' own parser, which checks names, queries and templates.
func rules(t *testing.T) []rulefmt.Rule {
	t.Helper()
	groups, problems := rulefmt.ParseFile(filepath.Join(root, "deploy", "prometheus", "rules.yml"), false, model.UTF8Validation, parser.NewParser(parser.Options{}), slog.New(slog.DiscardHandler))
	for _, err := range problems {
		t.Error(err)
	}
	if groups == nil || t.Failed() {
		t.FailNow()
	}
	var list []rulefmt.Rule
	for _, g := range groups.Groups {
		list = append(list, g.Rules...)
	}
	return list
}

// selector is a metric that a query names, with the labels that it looks at.
type selector struct {
	metric string
	labels []string
}

// selectors parses a query and returns what it asks Prometheus for. Labels that are grouped by belong to
// every metric of the query.
func selectors(query string) ([]selector, error) {
	tree, err := parser.NewParser(parser.Options{}).ParseExpr(query)
	if err != nil {
		return nil, err
	}
	var list []selector
	var grouped []string
	parser.Inspect(tree, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			s := selector{metric: n.Name}
			for _, m := range n.LabelMatchers {
				if m.Name != model.MetricNameLabel {
					s.labels = append(s.labels, m.Name)
				}
			}
			list = append(list, s)
		case *parser.AggregateExpr:
			grouped = append(grouped, n.Grouping...)
		}
		return nil
	})
	for i := range list {
		list[i].labels = append(list[i].labels, grouped...)
	}
	return list, nil
}

// exposed are the metrics of all three services, by their names in Prometheus, with their labels: those that
// Prometheus itself gives to each series included.
func exposed(t *testing.T) map[string][]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(shared.Data, "weir.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	type reader struct {
		Listen string `yaml:"metrics_listen"`
	}
	var c struct{ Ingest, Aggregator reader }
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	byPrometheus := []string{"job", "instance"}
	found := map[string][]string{"up": byPrometheus, "ALERTS": append(byPrometheus, "alertname", "alertstate")}
	sample := regexp.MustCompile(`(?m)^([a-zA-Z_:][\w:]*)(?:\{(.*)\})? `)
	label := regexp.MustCompile(`(\w+)="`)
	for _, address := range []string{shared.Gateway, c.Ingest.Listen, c.Aggregator.Listen} {
		for _, m := range sample.FindAllStringSubmatch(metrics(t, address), -1) {
			names := append(found[m[1]], byPrometheus...)
			for _, l := range label.FindAllStringSubmatch(m[2], -1) {
				names = append(names, l[1])
			}
			slices.Sort(names)
			found[m[1]] = slices.Compact(names)
		}
	}
	return found
}

func metrics(t *testing.T, address string) string {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, stacktest.URL(address)+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != http.StatusOK {
		t.Fatalf("metrics of %s: %s, %v", address, response.Status, err)
	}
	return string(text)
}

// TestAlertsAndPanelsAskForWhatIsThere holds every metric and label that an alert or a panel names against
// what the three services expose after calls of every kind.
func TestAlertsAndPanelsAskForWhatIsThere(t *testing.T) {
	callsToShow(t)
	have := exposed(t)
	check := func(where, query string) {
		t.Helper()
		used, err := selectors(query)
		if err != nil || len(used) == 0 {
			t.Errorf("%s: %d metrics, %v", where, len(used), err)
		}
		for _, s := range used {
			known, found := have[s.metric]
			if !found {
				t.Errorf("%s: no service has the metric %s", where, s.metric)
				continue
			}
			for _, l := range s.labels {
				if l != "le" && !slices.Contains(known, l) {
					t.Errorf("%s: %s has no label %s, only %v", where, s.metric, l, known)
				}
			}
		}
	}
	for _, r := range rules(t) {
		check(r.Alert, r.Expr)
	}
	// The intervals that Grafana puts into a query.
	intervals := strings.NewReplacer("$__rate_interval", "1m", "$__interval", "15s")
	panels := 0
	for file, d := range dashboards(t) {
		for _, p := range d.Panels {
			for _, q := range p.Targets {
				if q.Datasource.Type == "prometheus" {
					panels++
					check(fmt.Sprintf("%s, %q", file, p.Title), intervals.Replace(q.Expr))
				}
			}
		}
	}
	if panels == 0 {
		t.Error("no dashboard asks Prometheus")
	}
}

// TestAlertsSayWhatToDo: each has a severity and leads to a heading of docs/operations.md.
func TestAlertsSayWhatToDo(t *testing.T) {
	text, err := os.ReadFile(filepath.Join(root, "docs", "operations.md"))
	if err != nil {
		t.Fatal(err)
	}
	var anchors []string
	for _, heading := range regexp.MustCompile(`(?m)^#+ (.+)$`).FindAllStringSubmatch(string(text), -1) {
		anchor := regexp.MustCompile(`[^\w -]`).ReplaceAllString(strings.ToLower(heading[1]), "")
		anchors = append(anchors, "docs/operations.md#"+strings.ReplaceAll(anchor, " ", "-"))
	}
	names := map[string]bool{}
	for _, r := range rules(t) {
		if severity := r.Labels["severity"]; severity != "page" && severity != "ticket" {
			t.Errorf("%s has the severity %q", r.Alert, severity)
		}
		if r.Annotations["summary"] == "" || !slices.Contains(anchors, r.Annotations["runbook"]) {
			t.Errorf("%s leads to %q, which is no heading", r.Alert, r.Annotations["runbook"])
		}
		if names[r.Alert] {
			t.Errorf("%s is there twice", r.Alert)
		}
		names[r.Alert] = true
	}
}
