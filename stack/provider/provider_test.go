package provider_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"weir/stack/provider"
)

// start serves a new provider for the length of the test.
func start(t testing.TB) (*provider.Provider, string) {
	t.Helper()
	p := provider.New()
	server := httptest.NewServer(p)
	t.Cleanup(server.Close)
	return p, server.URL
}

// send posts a chat request as the gateway would, under the request id "req_1".
func send(t testing.TB, ctx context.Context, url, body string, header ...string) (*http.Response, error) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/chat/completions", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	req.Header.Set("X-Request-Id", "req_1")
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
	}
	return http.DefaultClient.Do(req)
}

// post sends a request and reads its whole answer; readErr is how the reading of the body ended.
func post(t testing.TB, url, body string, header ...string) (resp *http.Response, text string, readErr error) {
	t.Helper()
	resp, err := send(t, t.Context(), url, body, header...)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	read, err := io.ReadAll(resp.Body)
	return resp, string(read), err
}

func chatBody(model, more string) string {
	return `{"model":"` + model + `","messages":[{"role":"user","content":"hello"}]` + more + `}`
}

// last waits for the n-th ledger entry: one of an aborted answer is made after the client saw the end.
func last(t testing.TB, p *provider.Provider, n int) provider.Entry {
	t.Helper()
	ticker := time.NewTicker(time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(5 * time.Second); time.Now().Before(deadline); <-ticker.C {
		if entries := p.Entries(); len(entries) >= n {
			return entries[n-1]
		}
	}
	t.Fatalf("the ledger never got entry %d", n)
	return provider.Entry{}
}

type completion struct {
	Model   string
	Choices []struct {
		Index        int
		FinishReason *string `json:"finish_reason"`
		Message      message
		Delta        message
	}
	Usage *usage
	Error *struct{ Message, Type, Code, Param string }
}

type message struct {
	Content   string
	ToolCalls []struct {
		ID       string
		Function struct{ Name, Arguments string }
	} `json:"tool_calls"`
}

type usage struct {
	Prompt  int64 `json:"prompt_tokens"`
	Out     int64 `json:"completion_tokens"`
	Total   int64 `json:"total_tokens"`
	Details struct {
		Cached  int64 `json:"cached_tokens"`
		Caching int64 `json:"caching_tokens"`
	} `json:"prompt_tokens_details"`
	OutDetails struct {
		Reasoning int64 `json:"reasoning_tokens"`
	} `json:"completion_tokens_details"`
}

func decode(t testing.TB, text string) completion {
	t.Helper()
	var c completion
	if err := json.Unmarshal([]byte(text), &c); err != nil {
		t.Fatalf("%v in %q", err, text)
	}
	return c
}

// events splits a stream into the data of its events.
func events(t testing.TB, text string) []string {
	t.Helper()
	var list []string
	lines := bufio.NewScanner(strings.NewReader(text))
	for lines.Scan() {
		if data, ok := strings.CutPrefix(lines.Text(), "data: "); ok {
			list = append(list, data)
		} else if lines.Text() != "" {
			t.Fatalf("not a line of a stream: %q", lines.Text())
		}
	}
	return list
}

// ignored are what differs between equal runs.
func ignored() cmp.Option { return cmpopts.IgnoreFields(provider.Entry{}, "At", "Seq") }

const full = "small:chunks=4,in=100,cached=40,write=10,out=64,reasoning=8"

func fullEntry(stream bool, chunks int) provider.Entry {
	return provider.Entry{RequestID: "req_1", Protocol: "chat", Model: full, Stream: stream, Status: 200, Billed: true, Reported: true,
		ServedChunks: chunks, Tokens: provider.Tokens{Prompt: 100, Cached: 40, Written: 10, Completion: 64, Reasoning: 8}}
}

func checkUsage(t *testing.T, u *usage) {
	t.Helper()
	if u == nil || u.Prompt != 100 || u.Out != 64 || u.Total != 164 || u.Details.Cached != 40 ||
		u.Details.Caching != 10 || u.OutDetails.Reasoning != 8 {
		t.Errorf("usage is %+v", u)
	}
}

func TestPlainAnswer(t *testing.T) {
	p, url := start(t)
	resp, text, _ := post(t, url, chatBody(full, `,"n":2`))
	c := decode(t, text)
	if resp.StatusCode != 200 || c.Model != "small" || len(c.Choices) != 2 || c.Choices[1].Message.Content == "" ||
		*c.Choices[1].FinishReason != "stop" {
		t.Errorf("answer is %d %s", resp.StatusCode, text)
	}
	checkUsage(t, c.Usage)
	if diff := cmp.Diff(fullEntry(false, 1), last(t, p, 1), ignored()); diff != "" {
		t.Errorf("ledger (-want +got):\n%s", diff)
	}
}

func TestHeadersWinOverTheModelsName(t *testing.T) {
	p, url := start(t)
	post(t, url, chatBody(full, ""), "X-Mock-Input-Tokens", "300", "X-Mock-Cached-Tokens", "200", "X-Mock-Cache-Write-Tokens", "50",
		"X-Mock-Output-Tokens", "9", "X-Mock-Reasoning-Tokens", "2", "X-Mock-Latency", "1ms", "X-Mock-Chunks", "2")
	want := provider.Tokens{Prompt: 300, Cached: 200, Written: 50, Completion: 9, Reasoning: 2}
	if got := last(t, p, 1).Tokens; got != want {
		t.Errorf("billed %+v, want %+v", got, want)
	}
}

func TestDefaultsDependOnTheMessagesAlone(t *testing.T) {
	p, url := start(t)
	post(t, url, chatBody("small", ""))
	post(t, url, chatBody("small", `,"stream":true,"stream_options":{"include_usage":true}`))
	post(t, url, chatBody("small", `,"max_tokens":3`))
	first, second, short := last(t, p, 1).Tokens, last(t, p, 2).Tokens, last(t, p, 3).Tokens
	if first != second || first.Prompt == 0 || first.Completion < 16 {
		t.Errorf("equal messages were billed %+v and %+v", first, second)
	}
	if short.Completion != 3 {
		t.Errorf("max_tokens 3 was billed as %+v", short)
	}
}

func TestStream(t *testing.T) {
	f := func(more string, n int, withUsage bool) {
		t.Helper()
		p, url := start(t)
		_, text, err := post(t, url, chatBody(full, `,"stream":true`+more))
		if err != nil {
			t.Fatal(err)
		}
		list := events(t, text)
		want := n*(1+4+1) + 1 // opening, content and finish of each choice, [DONE]
		if withUsage {
			want++
		}
		if len(list) != want || list[len(list)-1] != "[DONE]" {
			t.Fatalf("%d events, want %d:\n%s", len(list), want, text)
		}
		contents := make([]string, n)
		for _, event := range list[:n*6] {
			c := decode(t, event)
			contents[c.Choices[0].Index] += c.Choices[0].Delta.Content
			if got := strings.Contains(event, `"usage":null`); got != withUsage {
				t.Errorf("usage null is %v in %s", got, event)
			}
		}
		for _, content := range contents {
			if len(strings.Fields(content)) != 56 { // one word for each of the tokens that is no reasoning
				t.Errorf("content is %q", content)
			}
		}
		if withUsage {
			c := decode(t, list[len(list)-2])
			checkUsage(t, c.Usage)
			if len(c.Choices) != 0 {
				t.Errorf("the usage chunk has choices: %s", list[len(list)-2])
			}
		}
		want1 := fullEntry(true, 4*n)
		want1.Reported = withUsage
		if diff := cmp.Diff(want1, last(t, p, 1), ignored()); diff != "" {
			t.Errorf("ledger (-want +got):\n%s", diff)
		}
	}
	f("", 1, false)
	f(`,"stream_options":{"include_usage":false}`, 1, false)
	f(`,"stream_options":{"include_usage":true}`, 1, true)
	f(`,"stream_options":{"include_usage":true},"n":3`, 3, true)
}

func TestToolCall(t *testing.T) {
	const tools = `,"tools":[{"type":"function","function":{"name":"weather","parameters":{"type":"object","properties":` +
		`{"city":{"type":"string"},"days":{"type":"integer"}}}}}]`
	_, url := start(t)
	f := func(more string, called bool) {
		t.Helper()
		_, text, _ := post(t, url, chatBody("small", tools+more))
		c := decode(t, text).Choices[0]
		if got := len(c.Message.ToolCalls) == 1; got != called || (*c.FinishReason == "tool_calls") != called {
			t.Fatalf("tool called is %v, want %v: %s", got, called, text)
		}
		if called && c.Message.ToolCalls[0].Function.Arguments != `{"city":"mock","days":7}` {
			t.Errorf("arguments are %s", text)
		}
	}
	f("", false)
	f(`,"tool_choice":"none"`, false)
	f(`,"tool_choice":"required"`, true)
	f(`,"tool_choice":{"type":"function","function":{"name":"weather"}}`, true)
	f(`,"messages":[{"role":"user","content":[{"type":"text","text":"Use the tool"}]}]`, true)

	_, text, _ := post(t, url, chatBody("small:chunks=5", tools+`,"tool_choice":"required","stream":true`))
	name, arguments := "", ""
	for _, event := range events(t, text) {
		if event == "[DONE]" {
			break
		}
		for _, call := range decode(t, event).Choices[0].Delta.ToolCalls {
			name, arguments = name+call.Function.Name, arguments+call.Function.Arguments
		}
	}
	if name != "weather" || arguments != `{"city":"mock","days":7}` {
		t.Errorf("streamed call is %s(%s)", name, arguments)
	}
}

func TestStructuredOutput(t *testing.T) {
	_, url := start(t)
	_, text, _ := post(t, url, chatBody("small", `,"response_format":{"type":"json_schema","json_schema":{"name":"x","schema":`+
		`{"type":"object","properties":{"a":{"type":"array","items":{"type":"number"}},"b":{"type":["boolean","null"]},`+
		`"c":{"enum":["é","f"]},"d":{"type":"object","properties":{"e":{"type":"integer","minimum":9}}}}}}}`))
	if got, want := decode(t, text).Choices[0].Message.Content, `{"a":[7],"b":true,"c":"é","d":{"e":9}}`; got != want {
		t.Errorf("content is %s, want %s", got, want)
	}
}

func TestModels(t *testing.T) {
	_, url := start(t)
	f := func(path string, status int, part string) {
		t.Helper()
		resp, err := http.Get(url + path)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		text, _ := io.ReadAll(resp.Body)
		if resp.StatusCode != status || !strings.Contains(string(text), part) {
			t.Errorf("%s: %d %s", path, resp.StatusCode, text)
		}
	}
	f("/v1/models", 200, `"id":"large"`)
	f("/v1/models/small", 200, `"object":"model"`)
	f("/v1/models/huge", 404, "model_not_found")
	f("/v1/nothing", 404, "Invalid URL")
}

func TestRunStopsWithItsContext(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	if err := provider.Run(t.Context(), listener.Addr().String()); err == nil {
		t.Error("a taken port was no error")
	}
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	go func() { done <- provider.Run(ctx, "127.0.0.1:0") }()
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
}
