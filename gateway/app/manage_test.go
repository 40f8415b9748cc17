package app

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"weir/clickhouse"
	"weir/internal/control"
	"weir/internal/eventlog"
	"weir/internal/eventlog/kafkatest"
	"weir/internal/live"
)

// call makes a call of the management API and decodes its answer.
func call(t *testing.T, url, key, method, path, body string, into any) int {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), method, url+"/v1/manage/"+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Authorization", "Bearer "+key)
	resp, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	if into != nil {
		if err := json.Unmarshal(text, into); err != nil || resp.StatusCode != http.StatusOK {
			t.Fatalf("%s %s: got %d %s", method, path, resp.StatusCode, text)
		}
	}
	return resp.StatusCode
}

// What one gateway answered another acts by within a second: an organisation is
// made on an empty log, its key created on one gateway and ended on the other.
func TestGatewaysAgreeOnWhatIsManaged(t *testing.T) {
	const secret = "hash secret"
	brokers := kafkatest.Start(t)
	options := func() Options {
		o := Options{Kafka: eventlog.DefaultConfig(), Redis: live.DefaultConfig(), ClickHouse: clickhouse.DefaultConfig(), Gateway: DefaultConfig(), Logger: slog.New(slog.DiscardHandler)}
		o.Kafka.Brokers = brokers
		o.Redis.Addr, o.ClickHouse.Addr = "127.0.0.1:1", "127.0.0.1:1" // nobody there
		o.Gateway.Listen, o.Gateway.Spool.Dir, o.Gateway.KeyHashSecret = "127.0.0.1:0", t.TempDir(), secret
		o.Gateway.OperatorKeyHash, o.Gateway.StartingCredits = control.HashKey(secret, "operator"), "5"
		return o
	}
	first, stop := run(t, options())
	second, stopSecond := run(t, options())
	var org struct {
		Organization struct{ Credits string }
		Key          string `json:"api_key"`
	}
	call(t, first, "operator", "POST", "org", `{"name":"Acme","owner":{"email":"ada@acme.example"}}`, &org)
	if org.Organization.Credits != "5" {
		t.Errorf("organisation %+v", org)
	}
	var key struct {
		ID     string `json:"api_key_id"`
		Secret string `json:"api_key"`
	}
	call(t, first, org.Key, "POST", "apikey", `{"name":"n"}`, &key)
	within(t, func() bool { return check(t, second, key.Secret) == http.StatusOK })
	call(t, second, org.Key, "DELETE", "apikey/"+key.ID, "", &struct{}{})
	within(t, func() bool { return check(t, first, key.Secret) == http.StatusForbidden })
	var audit struct {
		Changes []struct{ Actor, Action, Kind string }
	}
	call(t, second, org.Key, "GET", "org/audit", "", &audit)
	if len(audit.Changes) != 6 || audit.Changes[0].Action != "deleted" || audit.Changes[0].Kind != "key" || audit.Changes[5].Actor != "operator" {
		t.Errorf("audit %+v", audit)
	}
	if got := call(t, second, org.Key, "GET", "org/usage?start=2026-11-22T00:00:00Z", "", nil); got != http.StatusServiceUnavailable {
		t.Errorf("without ClickHouse usage is answered %d", got)
	}
	stop()
	stopSecond()
}

// within asks until the answer is yes, for a second.
func within(t *testing.T, ready func() bool) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Second)
	defer cancel()
	for !ready() {
		select {
		case <-ctx.Done():
			t.Error("not within a second")
			return
		case <-time.After(5 * time.Millisecond):
		}
	}
}
