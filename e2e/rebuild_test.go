package e2e_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"weir/e2e/stacktest"
)

// rebuildLimit is how long a rebuild of a few thousand calls may take on a busy machine.
const rebuildLimit = 90 * time.Second

// checksum is one line of a generation of the rollups: how many different keys it has, and two sums over the
// hashes of everything that stands under each.
func checksum(generation int) string {
	const key = `dimension, resolution, bucket, org_id, value, model, provider, project, group_id, endpoint, policy, byok,
		origin_title, error_kind, kafka_partition`
	return fmt.Sprintf(`SELECT toString(count()), toString(groupBitXor(hash)), toString(sum(hash)) FROM (
		SELECT cityHash64(%[1]s, max(last_offset), sum(requests), sum(errors), sum(cache_hits), sum(input_tokens),
			sum(cached_input_tokens), sum(cache_write_tokens), sum(output_tokens), sum(reasoning_tokens),
			toString(sum(cost_usd)), toString(sum(saved_usd)), toString(sumMap(latency)), toString(sumMap(ttft))) AS hash
		FROM weir.rollups_%[2]d GROUP BY %[1]s)`, key, generation)
}

// TestRebuildUnderLoad makes the rollups anew while calls are made, kills the rebuild once in mid-way, and sees
// that the new generation is the old one to the last digit, that it serves, and that it goes on.
func TestRebuildUnderLoad(t *testing.T) {
	stack := stacktest.New(t, stacktest.Options{})
	books := stacktest.OpenBooks(t, stack)
	answers := (&load{client: stack.Client(), calls: 600, callers: 16}).made(t)

	loading, switched := make(chan []stacktest.Answer), make(chan struct{})
	go func() {
		var made []stacktest.Answer
		for more := true; more; {
			select {
			case <-switched:
				more = false // one more round, for those who moved
			default:
			}
			made = append(made, (&load{client: stack.Client(), calls: 200, callers: 8}).made(t)...)
		}
		loading <- made
	}()

	doomed := stack.Command(t, "aggregator", "rebuild")
	stacktest.Eventually(t, rebuildLimit, func() error {
		rows, err := books.Rows(t.Context(), `SELECT toString(count() > 0) FROM weir.rollups_2`)
		if err == nil && rows[0][0] != "1" {
			err = errors.New("the new generation is empty")
		}
		return err
	})
	doomed.Kill()
	wantGeneration(t, books, 1)

	again := stack.Command(t, "aggregator", "rebuild")
	code, err := again.Wait(rebuildLimit)
	close(switched)
	if err != nil || code != 0 || !strings.Contains(again.Printed(), "Generation 2 serves") {
		t.Fatalf("rebuild ended with %d, %v\n%s%s", code, err, again.Printed(), again.Output())
	}
	t.Logf("%s", again.Printed())
	if !strings.Contains(again.Output(), "going on with an unfinished rebuild") {
		t.Errorf("the second rebuild did not go on with the first one:\n%s", again.Output())
	}
	wantGeneration(t, books, 2)

	answers = append(answers, <-loading...)
	stacktest.WaitUsage(t, books, time.Minute, answers...)
	stacktest.Eventually(t, time.Minute, func() error { return books.CompareRollups(t.Context()) })
	stacktest.Eventually(t, time.Minute, func() error { return liveSumsAre(t, stack, books, 2) })
	if _, err := stack.Run(t, time.Minute, "aggregator", "drop", "--generation", "2"); err == nil ||
		!strings.Contains(err.Error(), "generation 2 is what the views read") {
		t.Errorf("dropping what serves: %v", err)
	}

	// The way back, by the same statement: the aggregator catches up with what generation 1 has missed, and then
	// both hold the whole log.
	if err := books.Exec(t.Context(), `CREATE OR REPLACE VIEW weir.rollups AS SELECT * FROM weir.rollups_1`); err != nil {
		t.Fatal(err)
	}
	stacktest.Eventually(t, time.Minute, func() error { return books.CompareRollups(t.Context()) })
	wantSame(t, books, 1, 2)
	stacktest.Eventually(t, time.Minute, func() error { return liveSumsAre(t, stack, books, 1) })
	if _, err := stack.Run(t, time.Minute, "aggregator", "drop", "--generation", "2"); err != nil {
		t.Error(err)
	}
	if _, err := books.Rows(t.Context(), checksum(2)); err == nil {
		t.Error("the dropped generation still has a table")
	}
}

// TestRebuildByTwo has two processes share a rebuild, and then an aggregator that moves by itself.
func TestRebuildByTwo(t *testing.T) {
	stack := stacktest.New(t, stacktest.Options{})
	books := stacktest.OpenBooks(t, stack)
	answers := (&load{client: stack.Client(), calls: 1000, callers: 16}).made(t)
	stacktest.WaitUsage(t, books, time.Minute, answers...)
	stacktest.Eventually(t, time.Minute, func() error { return books.CompareRollups(t.Context()) })

	first := stack.Command(t, "aggregator", "rebuild")
	stacktest.Eventually(t, rebuildLimit, func() error {
		if !strings.Contains(first.Output(), "beginning a rebuild") {
			return fmt.Errorf("the rebuild has not begun: %s", first.Output())
		}
		return nil
	})
	second := stack.Command(t, "aggregator", "rebuild")
	for _, c := range []*stacktest.Command{first, second} {
		if code, err := c.Wait(rebuildLimit); err != nil || code != 0 || !strings.Contains(c.Printed(), "Generation 2 serves") {
			t.Fatalf("a rebuild ended with %d, %v\n%s%s", code, err, c.Printed(), c.Output())
		}
	}
	wantGeneration(t, books, 2)
	wantSame(t, books, 1, 2)
	stacktest.Eventually(t, time.Minute, func() error { return liveSumsAre(t, stack, books, 2) })

	answers = append(answers, (&load{client: stack.Client(), calls: 100, callers: 8}).made(t)...)
	stacktest.WaitUsage(t, books, time.Minute, answers...)
	stacktest.Eventually(t, time.Minute, func() error { return books.CompareRollups(t.Context()) })
	stacktest.Eventually(t, time.Minute, func() error { return aggregatorSays(t, stack, "weir_aggregator_generation 2") })
	stacktest.Eventually(t, time.Minute, func() error {
		_, err := stack.Run(t, time.Minute, "aggregator", "drop", "--generation", "1")
		return err // the aggregator may have moved a moment ago
	})
	// A number is not used twice, and what it is filled from need not be generation 1.
	printed, err := stack.Run(t, rebuildLimit, "aggregator", "rebuild")
	if err != nil || !strings.Contains(printed, "Generation 3 serves") {
		t.Fatalf("another rebuild: %v\n%s", err, printed)
	}
	wantSame(t, books, 2, 3)
}

// aggregatorSays looks for a line among the metrics of the stack's aggregator.
func aggregatorSays(t *testing.T, stack *stacktest.Stack, line string) error {
	t.Helper()
	config, err := os.ReadFile(filepath.Join(stack.Data, "weir.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	address := regexp.MustCompile(`(?s)\naggregator:\n.*?metrics_listen: (\S+)`).FindSubmatch(config)
	if address == nil {
		t.Fatalf("weir.yaml does not say where the aggregator's metrics are:\n%s", config)
	}
	resp, err := http.Get(stacktest.URL(string(address[1])) + "/metrics")
	if err != nil {
		return err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err == nil && !strings.Contains(string(text), "\n"+line+"\n") {
		err = fmt.Errorf("the aggregator's metrics lack %q", line)
	}
	return err
}

// wantSame compares two generations of the rollups, which both must have everything.
func wantSame(t *testing.T, books *stacktest.Books, generations ...int) {
	t.Helper()
	var sums [2][][]string
	for i, generation := range generations {
		var err error
		if sums[i], err = books.Rows(t.Context(), checksum(generation)); err != nil {
			t.Fatal(err)
		}
	}
	if diff := cmp.Diff(sums[0], sums[1]); diff != "" || sums[0][0][0] == "0" {
		t.Errorf("keys and checksums of generations %v (-old +new):\n%s", generations, diff)
	}
	t.Logf("generations %v: keys, xor and sum of hashes %v", generations, sums[0])
}

// made runs the load and returns the answers of the calls that must be in the books.
func (l *load) made(t *testing.T) []stacktest.Answer {
	l.run(t.Context())
	return l.answers
}

// wantGeneration says which table the views read.
func wantGeneration(t *testing.T, books *stacktest.Books, generation int) {
	t.Helper()
	// A client that is killed can take the engine of the one-machine stack with it, which is then started again.
	stacktest.Eventually(t, restart, func() error {
		rows, err := books.Rows(t.Context(), `SELECT as_select FROM system.tables WHERE database = 'weir' AND name = 'rollups'`)
		if err == nil && (len(rows) != 1 || !strings.HasSuffix(rows[0][0], fmt.Sprintf("rollups_%d", generation))) {
			err = stacktest.Final(fmt.Errorf("the views read %v, want generation %d", rows, generation))
		}
		return err
	})
}

// liveSumsAre compares the open months in Redis with the facts: every organisation, key and user.
func liveSumsAre(t *testing.T, stack *stacktest.Stack, books *stacktest.Books, generation int) error {
	serving, err := stack.ServingGeneration(t)
	if err != nil || serving != fmt.Sprint(generation) {
		return fmt.Errorf("redis says that generation %q serves, %w", serving, err)
	}
	got, err := stack.LiveSums(t, generation, "{*}:spend:org:*:m:*", "{*}:spend:key:*:m:*", "{*}:spend:user:*:m:*")
	if err != nil {
		return err
	}
	rows, err := books.Rows(t.Context(), fmt.Sprintf(`SELECT arrayJoin(['org:', 'key:' || key_id, 'user:' || user_id]) AS whose,
		'weir:%d:{' || org_id || '}:spend:' || whose || ':m:' || formatDateTime(occurred_at, '%%Y-%%m') AS name,
		toString(toInt128(sum(cost_usd) * 1000000000000)) FROM weir.usage GROUP BY whose, org_id, name HAVING sum(cost_usd) != 0`, generation))
	if err != nil {
		return err
	}
	want := make(map[string]string)
	for _, row := range rows {
		want[row[1]] = row[2]
	}
	if diff := cmp.Diff(want, got); diff != "" || len(want) == 0 {
		return fmt.Errorf("live sums of %d names (-usage +redis):\n%s", len(want), diff)
	}
	return nil
}
