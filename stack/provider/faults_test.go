package provider_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"weir/stack/provider"
)

const streamed = `,"stream":true,"stream_options":{"include_usage":true}`

func TestRefusals(t *testing.T) {
	_, url := start(t)
	f := func(body string, status int, part string) {
		t.Helper()
		resp, text, _ := post(t, url, body)
		if resp.StatusCode != status || decode(t, text).Error == nil || !strings.Contains(text, part) {
			t.Errorf("%s: %d %s", body, resp.StatusCode, text)
		}
	}
	f(`{"model":`, 400, "could not parse")
	f(`{"model":5,"messages":[]}`, 400, `"param":"model"`)
	f(`{"model":"small","messages":"x"}`, 400, "messages")
	f(chatBody("small", `,"stream":"yes"`), 400, `"param":"stream"`)
	f(chatBody("small", `,"requesty":{}`), 400, `"param":"requesty"`)
	f(chatBody("small", `,"n":0`), 400, `"param":"n"`)
	f(chatBody("small:speed=1", ""), 400, "speed")
	f(chatBody("small:in=-1", ""), 400, "in")
	f(chatBody("small:fault=odd", ""), 400, "odd")
	f(chatBody("small:in=5,cached=6", ""), 400, "cached")
	f(chatBody("small:out=5,reasoning=6", ""), 400, "reasoning")
	f(chatBody("huge:in=5", ""), 404, "model_not_found")
	f(chatBody("small:status=500", ""), 500, "server_error")
	f(chatBody("small:status=401", streamed), 401, "invalid_api_key")
	resp, _, _ := post(t, url, chatBody("small:status=429", ""))
	if resp.StatusCode != 429 || resp.Header.Get("Retry-After") != "1" {
		t.Errorf("429 is %v", resp)
	}
}

func TestRefusalsAreInTheLedgerUnbilled(t *testing.T) {
	p, url := start(t)
	post(t, url, chatBody("small:status=503", ""))
	want := provider.Entry{RequestID: "req_1", Protocol: "chat", Model: "small:status=503", Status: 503}
	if diff := cmp.Diff(want, last(t, p, 1), ignored()); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
}

// TestFaults sees each fault, plain and streamed, and what the ledger says of it.
func TestFaults(t *testing.T) {
	const model = "small:chunks=4,in=10,out=40,fault="
	none, all, half := provider.Tokens{}, provider.Tokens{Prompt: 10, Completion: 40}, provider.Tokens{Prompt: 10, Completion: 20}
	f := func(fault, more, wantText string, broken bool, chunks int, tokens provider.Tokens) {
		t.Helper()
		p, url := start(t)
		resp, text, err := post(t, url, chatBody(model+fault, more))
		if resp.StatusCode != 200 || !strings.Contains(text, wantText) || (err != nil) != broken {
			t.Errorf("%s%s: %d %q %v", fault, more, resp.StatusCode, text, err)
		}
		want := provider.Entry{RequestID: "req_1", Protocol: "chat", Model: model + fault, Fault: fault, Stream: more != "", Status: 200,
			Tokens: tokens, Billed: tokens != none, ServedChunks: chunks}
		if diff := cmp.Diff(want, last(t, p, 1), ignored()); diff != "" {
			t.Errorf("%s%s: ledger (-want +got):\n%s", fault, more, diff)
		}
		if strings.Contains(text, "total_tokens") || more != "" && fault != "nousage" && strings.Contains(text, "[DONE]") {
			t.Errorf("%s%s: usage or the end was sent: %q", fault, more, text)
		}
	}
	f("cut", "", `"assistant"`, true, 1, all)
	f("cut", streamed, "content", true, 2, half)
	f("garbage", "", "<html>\x00", false, 0, none)
	f("garbage", streamed, "data: 1, 2", false, 0, none)
	f("error200", "", `{"error":`, false, 0, none)
	f("error200", streamed, `data: {"error":`, false, 0, none)
	f("errormid", "", `{"error":`, false, 0, none)
	f("errormid", streamed, `data: {"error":`, false, 2, half)
	f("nousage", "", "stop", false, 1, all)
	f("nousage", streamed, "[DONE]", false, 4, all)
}

func TestClientThatLeavesIsBilledWhatWasProduced(t *testing.T) {
	p, url := start(t)
	resp, err := send(t, t.Context(), url, chatBody("small:chunks=100000,gap=1ms,in=10,out=100000", streamed))
	if err != nil {
		t.Fatal(err)
	}
	lines := bufio.NewScanner(resp.Body)
	for range 10 {
		lines.Scan()
	}
	resp.Body.Close()
	e := last(t, p, 1)
	if !e.Billed || e.Reported || !e.ClientGone || e.Prompt != 10 || e.ServedChunks < 4 || e.Completion != int64(e.ServedChunks) {
		t.Errorf("ledger has %+v", e)
	}
}

func TestLedgerOverHTTP(t *testing.T) {
	_, url := start(t)
	get := func(query string) (list struct {
		Entries []provider.Entry
		Next    int64
	}) {
		t.Helper()
		resp, err := http.Get(url + "/ledger" + query)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
			t.Fatal(err)
		}
		return list
	}
	for range 3 {
		post(t, url, chatBody("small", ""))
	}
	if l := get(""); len(l.Entries) != 3 || l.Next != 3 || l.Entries[0].Seq != 1 || l.Entries[0].At == "" {
		t.Errorf("ledger is %+v", l)
	}
	if l := get("?since=2"); len(l.Entries) != 1 || l.Entries[0].Seq != 3 {
		t.Errorf("ledger since 2 is %+v", l)
	}
	req, _ := http.NewRequest(http.MethodDelete, url+"/ledger", nil)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	resp.Body.Close()
	post(t, url, chatBody("small", ""))
	if l := get("?since=3"); len(l.Entries) != 1 || l.Entries[0].Seq != 4 {
		t.Errorf("ledger after the deletion is %+v", l)
	}
}

func BenchmarkPlain(b *testing.B)  { benchmark(b, chatBody("small:in=100,out=100", "")) }
func BenchmarkStream(b *testing.B) { benchmark(b, chatBody("small:chunks=32,out=64", streamed)) }

func benchmark(b *testing.B, body string) {
	_, url := start(b)
	b.ReportAllocs()
	for b.Loop() {
		post(b, url, body)
	}
}
