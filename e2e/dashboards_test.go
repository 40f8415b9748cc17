package e2e_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/compose-spec/compose-go/v2/types"
	"go.yaml.in/yaml/v3"

	"weir/e2e/stacktest"
)

type mount = types.ServiceVolumeConfig

// provisioned are Grafana's datasources: the type by uid.
func provisioned(t *testing.T) map[string]string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(root, "deploy", "grafana", "datasources.yml"))
	if err != nil {
		t.Fatal(err)
	}
	var c struct {
		Datasources []struct{ UID, Type string }
	}
	if err := yaml.Unmarshal(text, &c); err != nil {
		t.Fatal(err)
	}
	sources := map[string]string{}
	for _, d := range c.Datasources {
		sources[d.UID] = d.Type
	}
	return sources
}

// answer is a result of ClickHouse.
type answer struct {
	Meta []struct{ Name, Type string }
	Data [][]any
}

func (a answer) columns() []string {
	var names []string
	for _, c := range a.Meta {
		names = append(names, c.Name)
	}
	return names
}

// ask runs a query with the rights of the datasource's user: reading, and settings.
func ask(ctx context.Context, query string) (answer, error) {
	params := url.Values{"database": {"weir"}, "readonly": {"2"}, "default_format": {"JSONCompact"}}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, stacktest.URL(shared.ClickHouseHTTP)+"/?"+params.Encode(), strings.NewReader(query))
	if err != nil {
		return answer{}, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return answer{}, err
	}
	if response.StatusCode != http.StatusOK {
		return answer{}, fmt.Errorf("%s", text)
	}
	var a answer
	err = json.Unmarshal(text, &a)
	return a, err
}

// shown are the values of the calls that the dashboards are looked at with.
var shown = map[string][]string{
	"org": {"org_default"}, "key": {"key_dev"}, "provider": {"mock"}, "model": {"small"}, "user": {"it's Ada"}, "tag": {"dashboards"}, "error": {"ok"},
}

// callsToShow makes calls with every kind of outcome and waits until facts and rollups have them.
func callsToShow(t *testing.T) (count int, id string) {
	t.Helper()
	client := shared.Client()
	const more = `,"requesty":{"user_id":"it's Ada","tags":["dashboards"],"trace_id":"trace-7"}`
	var answers []stacktest.Answer
	for range 3 {
		answers = append(answers,
			client.Chat(t.Context(), stacktest.ChatBody("mock/small", more)),
			client.Chat(t.Context(), stacktest.ChatBody("mock/large", more+stacktest.Streamed)),
			client.Chat(t.Context(), stacktest.ChatBody("mock/small", more), "x-mock-status", "500"),
			client.Chat(t.Context(), stacktest.ChatBody("nobody/small", more)))
	}
	for i, want := range []int{200, 200, 500, 404} {
		if answers[i].Status != want {
			t.Fatalf("call %d is answered %v, want %d", i, answers[i], want)
		}
	}
	books := stacktest.OpenBooks(t, shared)
	stacktest.WaitUsage(t, books, visible, answers...)
	stacktest.Eventually(t, visible, func() error {
		rows, err := books.Rows(t.Context(), `SELECT toString(sum(requests)) FROM weir.spend_by_tag_1m WHERE tag = 'dashboards'`)
		if err == nil && rows[0][0] < fmt.Sprint(len(answers)) {
			err = errors.New(rows[0][0] + " calls are in the rollup")
		}
		return err
	})
	return len(answers), answers[0].RequestID
}

// views are the ways in which the dashboards are looked at: by minutes, hours and days, with all values of
// the variables and with one of each.
func views(now time.Time) map[string]view {
	all := map[string][]string{"id": {""}}
	for name := range shown {
		all[name] = nil
	}
	one := map[string][]string{"id": {""}}
	for name, values := range shown {
		one[name] = values
	}
	const day = 24 * time.Hour
	return map[string]view{
		"the last 6 hours":       {now.Add(-6 * time.Hour), now, time.Minute, all},
		"the last month, chosen": {now.Add(-30 * day), now, time.Hour, one},
		"the last year":          {now.Add(-365 * day), now, day, all},
	}
}

// TestDashboardQueries runs every query of every dashboard, and of its variables, as the datasource would
// send them, on a real ClickHouse with the books of real calls.
func TestDashboardQueries(t *testing.T) {
	callsToShow(t)
	now := time.Now().Add(time.Second)
	for file, d := range dashboards(t) {
		for name, v := range views(now) {
			t.Run(file+"/"+name, func(t *testing.T) {
				v.chosen = chooseVariables(t, d, v)
				for _, p := range d.Panels {
					for _, q := range p.Targets {
						if q.Datasource.UID != "weir-clickhouse" {
							continue
						}
						query, err := v.expand(q.RawSQL)
						if err != nil {
							t.Errorf("%s: %v", p.Title, err)
							continue
						}
						a, err := ask(t.Context(), query)
						if err != nil {
							t.Errorf("%s: %v\n%s", p.Title, err, query)
							continue
						}
						for _, problem := range p.problems(a) {
							t.Errorf("%s: %s\n%s\n%v", p.Title, problem, query, a)
						}
					}
				}
			})
		}
	}
}

// chooseVariables runs the queries of the variables in their order and returns what is chosen. What the
// view chooses must be offered; a variable that has no All takes the first value.
func chooseVariables(t *testing.T, d dashboard, v view) map[string][]string {
	t.Helper()
	chosen := map[string][]string{}
	for name, values := range v.chosen {
		chosen[name] = values
	}
	for _, variable := range d.Templating.List {
		if variable.Type != "query" {
			continue
		}
		v.chosen = chosen
		query, err := v.expand(variable.Query)
		if err != nil {
			t.Fatalf("variable %s: %v", variable.Name, err)
		}
		a, err := ask(t.Context(), query)
		if err != nil || len(a.Meta) != 1 || len(a.Data) == 0 {
			t.Fatalf("variable %s: %v, %v\n%s", variable.Name, a, err, query)
		}
		var offered []string
		for _, row := range a.Data {
			offered = append(offered, fmt.Sprint(row[0]))
		}
		if !variable.IncludeAll {
			chosen[variable.Name] = offered[:1]
		}
		for _, value := range shown[variable.Name] {
			if !slices.Contains(offered, value) {
				t.Errorf("variable %s offers %v, and not %q", variable.Name, offered, value)
			}
		}
	}
	return chosen
}

var numeric = regexp.MustCompile(`^(Nullable\()?(U?Int|Float|Decimal)`)

// problems are what keeps a panel from showing the answer of its query.
func (p panel) problems(a answer) (problems []string) {
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	if len(a.Data) == 0 {
		return []string{"nothing is shown"}
	}
	numbers := 0
	for _, c := range a.Meta {
		if numeric.MatchString(c.Type) {
			numbers++
		}
	}
	switch p.Type {
	case "stat":
		if len(a.Data) != 1 || len(a.Meta) != 1 || numbers != 1 {
			wrong("a single number is shown")
		}
	case "timeseries":
		if a.Meta[0].Name != "time" || !strings.HasPrefix(a.Meta[0].Type, "DateTime") || numbers == 0 || p.Targets[0].Format != 0 {
			wrong("a series has a time and then numbers")
		}
		if !slices.IsSortedFunc(a.Data, func(x, y []any) int { return strings.Compare(fmt.Sprint(x[0]), fmt.Sprint(y[0])) }) {
			wrong("a series is in the order of its time")
		}
		for _, c := range a.Meta[1:] {
			if !numeric.MatchString(c.Type) && !strings.Contains(c.Type, "String") {
				wrong("%s is neither a number nor a name", c.Name)
			}
		}
	case "table":
		if p.Targets[0].Format != 1 {
			wrong("its query is not one for a table")
		}
		columns := a.columns()
		var overridden []string
		for _, o := range p.FieldConfig.Overrides {
			overridden = append(overridden, o.Matcher.Options)
			for _, property := range o.Properties {
				for _, used := range regexp.MustCompile(`__data\.fields\.(\w+)`).FindAllSubmatch(property.Value, -1) {
					if !slices.Contains(columns, string(used[1])) {
						wrong("a link takes the column %s", used[1])
					}
				}
			}
		}
		for _, column := range columns {
			if !slices.Contains(overridden, column) {
				wrong("the column %s has neither title nor unit", column)
			}
		}
		for _, name := range overridden {
			if !slices.Contains(columns, name) {
				wrong("there is no column %s", name)
			}
		}
	default:
		wrong("nobody checks a %s", p.Type)
	}
	return problems
}

// TestDashboardsShowTheBooks compares what the first panels show with the ledger, and finds a call by its id.
func TestDashboardsShowTheBooks(t *testing.T) {
	count, id := callsToShow(t)
	now := time.Now().Add(time.Second)
	v := views(now)["the last 6 hours"]
	stat := func(d dashboard, title string, chosen map[string][]string) string {
		t.Helper()
		v.chosen = chosen
		v.chosen = chooseVariables(t, d, v)
		for _, p := range d.Panels {
			if p.Title != title {
				continue
			}
			query, err := v.expand(p.Targets[0].RawSQL)
			if err != nil {
				t.Fatal(err)
			}
			a, err := ask(t.Context(), query)
			if err != nil {
				t.Fatal(err)
			}
			return fmt.Sprint(a.Data[0][0])
		}
		t.Fatalf("no panel %s", title)
		return ""
	}
	spend, calls := dashboards(t)["spend.json"], dashboards(t)["calls.json"]
	all := v.chosen
	stacktest.Eventually(t, visible, func() error {
		a, err := ask(t.Context(), "SELECT count(), toFloat64(sum(cost_usd)), countIf(error_kind != '') / count() FROM usage")
		if err != nil {
			return err
		}
		for i, title := range []string{"Requests", "Spend", "Errors"} {
			if got, want := stat(spend, title, all), fmt.Sprint(a.Data[0][i]); got != want {
				return fmt.Errorf("%s shows %s, the ledger has %s", title, got, want)
			}
		}
		return nil
	})
	mine := map[string][]string{"id": {""}}
	for name := range shown {
		mine[name] = nil
	}
	mine["tag"] = shown["tag"]
	if got := stat(calls, "Calls", mine); len(got) == 0 || got < fmt.Sprint(count) && len(got) <= len(fmt.Sprint(count)) {
		t.Errorf("%s calls have the tag, at least %d were made", got, count)
	}
	for _, one := range []string{id, "trace-7"} {
		mine["id"] = []string{one}
		if got := stat(calls, "Calls", mine); got == "0" || one == id && got != "1" {
			t.Errorf("%s calls are found by %s", got, one)
		}
	}
}
