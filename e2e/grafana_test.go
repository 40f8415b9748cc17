package e2e_test

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"
)

// dashboard is what the tests read of a Grafana dashboard.
type dashboard struct {
	UID        string
	Title      string
	Panels     []panel
	Links      []struct{ URL string }
	Templating struct{ List []variable }
}

type panel struct {
	ID          int
	Type, Title string
	Interval    string
	Datasource  datasource
	GridPos     struct{ H, W, X, Y int }
	Targets     []struct {
		Datasource datasource
		Format     int
		RawSQL     string
		Expr       string
	}
	FieldConfig struct {
		Defaults  struct{ Unit string }
		Overrides []struct {
			Matcher    struct{ ID, Options string }
			Properties []struct {
				ID    string
				Value json.RawMessage
			}
		}
	}
}

type datasource struct{ Type, UID string }

// variable is a template variable. A query's text stands in query.
type variable struct {
	Name, Type, Query string
	Datasource        datasource
	Multi, IncludeAll bool
}

// dashboards reads all of clickhouse/dashboards by file.
func dashboards(t *testing.T) map[string]dashboard {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(root, "clickhouse", "dashboards", "*.json"))
	if err != nil || len(files) == 0 {
		t.Fatalf("no dashboards: %v", err)
	}
	list := map[string]dashboard{}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		var d dashboard
		if err := json.Unmarshal(text, &d); err != nil {
			t.Fatalf("%s: %v", file, err)
		}
		list[filepath.Base(file)] = d
	}
	return list
}

// view is how somebody looks at a dashboard: a time range, the interval of its panels, and what is chosen
// of each variable; nil is All.
type view struct {
	from, to time.Time
	interval time.Duration
	chosen   map[string][]string
}

// expand writes a query as the ClickHouse datasource sends it: first $__conditionalAll, then Grafana's
// variables, then the datasource's own macros, each as its documentation says
// (https://grafana.com/docs/plugins/grafana-clickhouse-datasource/latest/query-editor/#macros). A macro or
// a variable that is not known is an error.
func (v view) expand(query string) (string, error) {
	query, err := v.conditionals(query)
	if err != nil {
		return "", err
	}
	if query, err = v.variables(query); err != nil {
		return "", err
	}
	return v.macros(query)
}

// conditionals replaces $__conditionalAll(condition, $variable) by the condition, or by 1=1 when all
// values are chosen.
func (v view) conditionals(query string) (string, error) {
	const macro = "$__conditionalAll("
	for {
		at := strings.LastIndex(query, macro)
		if at < 0 {
			return query, nil
		}
		args, end, err := arguments(query[at+len(macro):])
		if err != nil {
			return "", fmt.Errorf("%s…: %w", macro, err)
		}
		if len(args) != 2 || !strings.HasPrefix(args[1], "$") {
			return "", fmt.Errorf("%s…: its arguments are %q", macro, args)
		}
		chosen, known := v.chosen[strings.Trim(args[1], "${}")]
		if !known {
			return "", fmt.Errorf("no variable %s", args[1])
		}
		condition := args[0]
		if chosen == nil {
			condition = "1=1"
		}
		query = query[:at] + condition + query[at+len(macro)+end:]
	}
}

// arguments splits what follows an opening parenthesis at its commas, and tells where it closes.
func arguments(text string) (args []string, end int, err error) {
	depth, from := 0, 0
	for i, r := range text {
		switch {
		case r == '(':
			depth++
		case r == ')' && depth == 0:
			return append(args, strings.TrimSpace(text[from:i])), i + 1, nil
		case r == ')':
			depth--
		case r == ',' && depth == 0:
			args, from = append(args, strings.TrimSpace(text[from:i])), i+1
		}
	}
	return nil, 0, fmt.Errorf("%q is not closed", text)
}

func (v view) variables(query string) (string, error) {
	var problem error
	query = regexp.MustCompile(`\$\{(\w+)(?::(\w+))?\}|\$([A-Za-z]\w*)`).ReplaceAllStringFunc(query, func(found string) string {
		name, format, _ := strings.Cut(strings.Trim(found, "${}"), ":")
		values, known := v.chosen[name]
		switch {
		case !known:
			problem = fmt.Errorf("no variable %s", found)
		case format == "singlequote":
			quoted := make([]string, len(values))
			for i, value := range values {
				quoted[i] = "'" + strings.ReplaceAll(value, "'", `\'`) + "'"
			}
			return strings.Join(quoted, ",")
		case format == "" && len(values) == 1:
			return values[0]
		default:
			problem = fmt.Errorf("%s is written with %d values", found, len(values))
		}
		return found
	})
	return query, problem
}

func (v view) macros(query string) (string, error) {
	seconds := max(int(v.interval.Seconds()), 1)
	at := func(t time.Time) string { return fmt.Sprintf("toDateTime(%d)", t.Unix()) }
	date := func(t time.Time) string { return t.UTC().Format("toDate('2006-01-02')") }
	var problem error
	query = regexp.MustCompile(`\$__(\w+)(?:\(([^()]*)\))?`).ReplaceAllStringFunc(query, func(found string) string {
		name, column, _ := strings.Cut(strings.TrimPrefix(strings.TrimSuffix(found, ")"), "$__"), "(")
		switch name {
		case "fromTime":
			return at(v.from)
		case "toTime":
			return at(v.to)
		case "interval_s":
			return fmt.Sprint(seconds)
		}
		switch {
		case column == "":
			problem = fmt.Errorf("%s is not a macro without a column", found)
		case name == "timeFilter":
			return fmt.Sprintf("%[1]s >= %[2]s AND %[1]s <= %[3]s", column, at(v.from), at(v.to))
		case name == "dateFilter":
			return fmt.Sprintf("%[1]s >= %[2]s AND %[1]s <= %[3]s", column, date(v.from), date(v.to))
		case name == "timeInterval":
			return fmt.Sprintf("toStartOfInterval(toDateTime(%s), INTERVAL %d second)", column, seconds)
		default:
			problem = fmt.Errorf("%s is not a macro that the test knows", found)
		}
		return found
	})
	return query, problem
}

// TestMacros holds the expansion against the examples of the datasource's documentation.
func TestMacros(t *testing.T) {
	v := view{
		from: time.Unix(1415792726, 0), to: time.Unix(1447328726, 0), interval: 20 * time.Second,
		chosen: map[string][]string{"all": nil, "one": {"a"}, "two": {"a", "it's"}},
	}
	for query, want := range map[string]string{
		"$__timeFilter(column)":                 "column >= toDateTime(1415792726) AND column <= toDateTime(1447328726)",
		"$__dateFilter(column)":                 "column >= toDate('2014-11-12') AND column <= toDate('2015-11-12')",
		"$__fromTime < $__toTime":               "toDateTime(1415792726) < toDateTime(1447328726)",
		"$__timeInterval(${one})":               "toStartOfInterval(toDateTime(a), INTERVAL 20 second)",
		"$__interval_s":                         "20",
		"$__conditionalAll(c IN ($all), $all)":  "1=1",
		"$__conditionalAll(f(c, ${one}), $one)": "f(c, a)", // a comma inside of parentheses is the condition's
		"c IN (${two:singlequote})":             `c IN ('a','it\'s')`,
		"x_$one":                                "x_a",
	} {
		if got, err := v.expand(query); err != nil || got != want {
			t.Errorf("%s: got %s, %v, want %s", query, got, err, want)
		}
	}
	for _, query := range []string{"$__timeFilter", "$__unknown(c)", "${nobody}", "$two", "$__conditionalAll(c)", "$__conditionalAll(c, $nobody)", "$__conditionalAll(c"} {
		if got, err := v.expand(query); err == nil {
			t.Errorf("%s: got %s, want an error", query, got)
		}
	}
}

// TestDashboardsAreWhole checks what Grafana would only show to somebody who looks: sources that exist,
// panels that do not cover one another, units, links that lead somewhere.
func TestDashboardsAreWhole(t *testing.T) {
	sources := provisioned(t)
	uids := map[string]bool{}
	for _, d := range dashboards(t) {
		uids[d.UID] = true
	}
	link := regexp.MustCompile(`/d/([\w-]+)[^"]*?`)
	for file, d := range dashboards(t) {
		var places [][]bool
		ids := map[int]bool{}
		for _, p := range d.Panels {
			where := fmt.Sprintf("%s, %q", file, p.Title)
			if ids[p.ID] {
				t.Errorf("%s: its id %d is another panel's too", where, p.ID)
			}
			ids[p.ID] = true
			for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
				for len(places) <= y {
					places = append(places, make([]bool, 24))
				}
				for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
					if places[y][x] {
						t.Fatalf("%s covers another panel at %d, %d", where, x, y)
					}
					places[y][x] = true
				}
			}
			if p.Type == "row" {
				continue
			}
			if p.Title == "" || len(p.Targets) == 0 {
				t.Errorf("%s has no title or no query", where)
			}
			if p.Type != "table" && p.FieldConfig.Defaults.Unit == "" {
				t.Errorf("%s has no unit", where)
			}
			for _, q := range p.Targets {
				if sources[q.Datasource.UID] != q.Datasource.Type || q.Datasource != p.Datasource || q.Datasource.Type == "" {
					t.Errorf("%s asks %v, which is not provisioned: %v", where, q.Datasource, sources)
				}
			}
			for _, o := range p.FieldConfig.Overrides {
				for _, property := range o.Properties {
					for _, found := range link.FindAllSubmatch(property.Value, -1) {
						if !uids[string(found[1])] {
							t.Errorf("%s leads to %s, which is no dashboard", where, found[1])
						}
					}
				}
			}
		}
		for _, v := range d.Templating.List {
			if v.Type == "query" && (sources[v.Datasource.UID] != v.Datasource.Type || v.Datasource.Type == "") {
				t.Errorf("%s, variable %s asks %v, which is not provisioned: %v", file, v.Name, v.Datasource, sources)
			}
		}
		for _, l := range d.Links {
			if !uids[strings.TrimPrefix(l.URL, "/d/")] {
				t.Errorf("%s leads to %s, which is no dashboard", file, l.URL)
			}
		}
	}
	home := compose(t).Services["grafana"].Environment["GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH"]
	if !slices.ContainsFunc(compose(t).Services["grafana"].Volumes, func(v mount) bool {
		_, err := os.Stat(filepath.Join(v.Source, filepath.Base(*home)))
		return v.Target == filepath.Dir(*home) && err == nil
	}) {
		t.Errorf("Grafana's first page %s is not mounted", *home)
	}
}
