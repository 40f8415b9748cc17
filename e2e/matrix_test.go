package e2e_test

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"text/tabwriter"

	"weir/e2e/stacktest"
)

// tongue is a provider of the stack, and what its protocol tells of the model's reasoning.
type tongue struct {
	provider string
	counts   bool            // its tokens apart from the others
	tells    map[string]bool // the thoughts themselves, to clients of these formats
}

// tongues: OpenAI tells thoughts only in Responses, and there only a client that asks for a summary.
func tongues() []tongue {
	everybody := map[string]bool{"chat.completions": true, "responses": true, "messages": true}
	return []tongue{
		{"mock", true, nil},
		{"mock-responses", true, map[string]bool{"responses": true}},
		{"mock-anthropic", true, everybody},
		{"mock-gemini", true, everybody},
		{"mock-bedrock", false, everybody},
		{"mock-azure", true, nil},
	}
}

func columns() []string {
	return []string{"plain", "stream", "tools", "structured", "image", "reasoning", "error", "disconnect"}
}

// matrixCall is a call of one cell.
type matrixCall struct {
	d      dialect
	p      tongue
	column string
	stream bool

	model  string
	answer stacktest.Answer
}

// matrixCalls are plain and streamed in each cell, but for the columns that are about one of them.
func matrixCalls() (calls []*matrixCall) {
	for _, d := range dialects() {
		for _, p := range tongues() {
			for _, column := range columns() {
				c := matrixCall{d: d, p: p, column: column}
				if column != "stream" && column != "disconnect" {
					calls = append(calls, &c)
				}
				if column != "plain" && column != "error" {
					streamed := c
					streamed.stream = true
					calls = append(calls, &streamed)
				}
			}
		}
	}
	return calls
}

// TestMatrix calls every protocol in every format, and sees that the client got what it asked for and the
// books have what the provider said. `make matrix` prints the table.
func TestMatrix(t *testing.T) {
	calls := matrixCalls()
	var callers sync.WaitGroup
	client := shared.Client()
	next := make(chan *matrixCall)
	for range 8 {
		callers.Go(func() {
			for c := range next {
				c.make(t.Context(), client)
			}
		})
	}
	for _, c := range calls {
		next <- c
	}
	close(next)
	callers.Wait()
	answers := make([]stacktest.Answer, len(calls))
	for i, c := range calls {
		answers[i] = c.answer
	}
	usage := stacktest.WaitUsage(t, stacktest.OpenBooks(t, shared), visible, answers...)

	failed := map[[3]string]bool{}
	for _, c := range calls {
		name := map[bool]string{true: "streamed", false: "whole"}[c.stream]
		passed := t.Run(c.d.name+"/"+c.p.provider+"/"+c.column+"/"+name, func(t *testing.T) { c.judge(t, usage[c.answer.RequestID]) })
		if !passed {
			failed[[3]string{c.d.name, c.p.provider, c.column}] = true
		}
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "client format\tprovider\t"+strings.Join(columns(), "\t"))
	for _, d := range dialects() {
		for _, p := range tongues() {
			row := []string{d.name, p.provider}
			for _, column := range columns() {
				row = append(row, map[bool]string{true: "FAILED", false: "ok"}[failed[[3]string{d.name, p.provider, column}]])
			}
			fmt.Fprintln(w, strings.Join(row, "\t"))
		}
	}
	if err := w.Flush(); err != nil {
		t.Error(err)
	}
}

// make makes the call. A client that leaves does so at the first event.
func (c *matrixCall) make(ctx context.Context, client *stacktest.Client) {
	options := "in=1000,cached=400,out=50,chunks=4"
	switch c.column {
	case "reasoning":
		options += ",reasoning=20"
	case "error":
		options = "status=429"
	case "disconnect":
		options = "chunks=64,gap=10ms,in=100,out=64"
	}
	c.model = c.p.provider + "/small:" + options
	request := c.d.ask(c.model, c.column)
	if c.stream {
		request["stream"] = true
		if c.d.name == "chat.completions" {
			request["stream_options"] = object{"include_usage": true}
		}
	}
	body, err := json.Marshal(request)
	if err != nil {
		c.answer.Err = err
		return
	}
	if c.column != "disconnect" {
		c.answer = client.Do(ctx, http.MethodPost, c.d.path, strings.NewReader(string(body)))
		return
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	c.answer = client.Read(ctx, http.MethodPost, c.d.path, strings.NewReader(string(body)), func(r io.Reader) (string, error) {
		for lines := bufio.NewReader(r); ; {
			line, err := lines.ReadString('\n')
			if err != nil || strings.HasPrefix(line, "data:") {
				cancel()
				return line, err
			}
		}
	})
}

// judge compares what was heard, and what was booked, with what was asked for.
func (c *matrixCall) judge(t *testing.T, u stacktest.Usage) {
	a := c.answer
	wrong := func(format string, args ...any) {
		t.Helper()
		t.Errorf(format+"; the answer is %v", append(args, a)...)
	}
	if c.column == "disconnect" {
		if a.Status != http.StatusOK || a.Err != nil && !errors.Is(a.Err, context.Canceled) {
			wrong("no stream began")
		}
		if u.Status != 499 || u.ErrorKind != "client_disconnected" || u.InputTokens == 0 || u.OutputTokens == 0 || u.Cost == "0" {
			wrong("booked as %+v", u)
		}
		return
	}
	h, err := c.d.hear(a.Body, c.stream)
	if a.Err != nil || err != nil {
		t.Fatalf("%v, %v", err, a)
	}
	if u.Provider != c.p.provider || u.Provider+"/"+u.Model != c.model || u.Stream != c.stream || int(u.Status) != a.Status {
		wrong("booked as %+v", u)
	}
	if c.column == "error" {
		if a.Status != http.StatusTooManyRequests || h.failed == "" || a.Header.Get("Retry-After") == "" || u.Cost != "0" {
			wrong("the error was heard as %+v and booked as %+v", h, u)
		}
		return
	}
	if warnings := a.Header.Get("X-Requesty-Warnings"); warnings != "" {
		wrong("warned of %q", warnings)
	}
	want := stacktest.Tokens{Input: 600, Cached: 400, Output: 50}
	if c.column == "reasoning" && c.p.counts {
		want.Output, want.Reasoning = 30, 20
	}
	if u.Tokens() != want || u.Estimated {
		wrong("booked %+v, want %+v", u.Tokens(), want)
	}
	if a.Status != http.StatusOK || !h.ended || h.failed != "" || h.model != c.model || h.input != 1000 || h.output != 50 || h.stop == "" {
		wrong("heard %+v", h)
	}
	c.judgeContent(h, wrong)
}

func (c *matrixCall) judgeContent(h heard, wrong func(format string, args ...any)) {
	switch c.column {
	case "tools":
		var arguments struct{ City string }
		if h.tool != "get_weather" || json.Unmarshal([]byte(h.arguments), &arguments) != nil || arguments.City == "" {
			wrong("heard the call %s(%s)", h.tool, h.arguments)
		}
		return
	case "structured":
		var answer struct{ Answer *string }
		if json.Unmarshal([]byte(h.text), &answer) != nil || answer.Answer == nil {
			wrong("heard %q, which is not of the schema", h.text)
		}
	case "reasoning":
		if c.p.tells[c.d.name] && h.thinking == "" {
			wrong("heard no thinking")
		}
	}
	if h.text == "" {
		wrong("heard no text")
	}
}
