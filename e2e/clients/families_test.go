package clients_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	"weir/e2e/stacktest"
)

// call is one call that a client is to make.
type call struct {
	ID       string         `json:"id"` // client/endpoint/case; it is sent as X-Requesty-Call and found in the books
	Client   string         `json:"client"`
	Endpoint string         `json:"endpoint"`
	Case     string         `json:"case"`
	Model    string         `json:"model"`
	Requesty map[string]any `json:"requesty"` // for those that can send it
	body     bool           // that this one can
	want     expected
}

// turnsOf are the ids of what a client sends for one call: where it makes two, the second has a suffix.
func (c call) turnsOf() []string {
	if c.Case == turns || c.Case == thinking || c.Case == moved {
		return []string{c.ID, c.ID + "/2"}
	}
	return []string{c.ID}
}

// id names a call.
func (c client) id(endpoint, name string) string {
	if c.at != "" {
		endpoint += "@" + c.at
	}
	return strings.Join([]string{c.name, endpoint, name}, "/")
}

// outcome is what a client made of the answer.
type outcome struct {
	ID     string `json:"id"`
	Text   string `json:"text"`
	Pieces int    `json:"pieces"`
	Tool   struct {
		Name      string         `json:"name"`
		Arguments map[string]any `json:"arguments"`
	} `json:"tool"`
	JSON         map[string]any `json:"json"`
	Signature    string         `json:"signature"` // of a thought
	InputTokens  *int64         `json:"input_tokens"`
	OutputTokens *int64         `json:"output_tokens"`
	Refusal      int64          `json:"refusal"` // the status of the error that it raised
	Vectors      []int          `json:"vectors"` // their lengths
	Bytes        int            `json:"bytes"`   // of a picture or a sound
	Error        string         `json:"error"`   // why there is no such thing
}

// callsOf are the calls of a family.
func callsOf(clients []client) (calls []call) {
	for _, c := range clients {
		for _, endpoint := range endpoints() {
			for _, name := range c.cases[endpoint] {
				want := expectedOf(endpoint, c.at, name)
				calls = append(calls, call{
					ID: c.id(endpoint, name), Client: c.name, Endpoint: endpoint, Case: name,
					Model: want.provider + "/" + want.model, body: c.body(endpoint), want: want,
					Requesty: map[string]any{
						"tags": []string{"client:" + c.name}, "user_id": "user-" + c.name, "trace_id": "trace-" + name,
						"extra": map[string]string{"feature": "clients"},
					},
				})
			}
		}
	}
	return calls
}

// familyLimit is how long one family may take; most of that is importing on a busy machine.
const familyLimit = 2 * time.Minute

// atOnce is how many families run at a time.
const atOnce = 2

// runFamilies has every family make its calls, and returns the outcomes by the calls' ids.
func runFamilies(ctx context.Context, calls map[string][]call) (map[string]outcome, error) {
	var (
		mu    sync.Mutex // owns all and errs
		all   = map[string]outcome{}
		errs  []error
		wait  sync.WaitGroup
		rooms = make(chan struct{}, atOnce)
	)
	for _, family := range slices.Sorted(maps.Keys(calls)) {
		rooms <- struct{}{}
		wait.Go(func() {
			defer func() { <-rooms }()
			ctx, cancel := context.WithTimeout(ctx, familyLimit)
			defer cancel()
			outcomes, err := runFamily(ctx, family, calls[family])
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %w", family, err))
			}
			for _, o := range outcomes {
				all[o.ID] = o
			}
		})
	}
	wait.Wait()
	return all, errors.Join(errs...)
}

// runFamily makes the calls of one family: in this process where its name begins with "go", else in its own.
func runFamily(ctx context.Context, family string, calls []call) ([]outcome, error) {
	language, name, _ := strings.Cut(family, " ")
	switch language {
	case "go":
		return runHere(ctx, calls), nil
	case "node":
		return runProgram(ctx, "node", []string{name + ".mjs"}, "node", calls)
	default:
		return runProgram(ctx, pythonBinary(name), []string{"-W", "ignore", name + "_family.py"}, "python", calls)
	}
}

// runHere makes calls with the clients for Go.
func runHere(ctx context.Context, calls []call) (outcomes []outcome) {
	makers := map[string]func(context.Context, call) (outcome, error){
		"openai-go": callOpenAI, "anthropic-go": callAnthropic,
		"claude-code": callClaudeCode, "claude-code /anthropic": callClaudeCode,
	}
	for _, c := range calls {
		o, err := makers[c.Client](ctx, c)
		o.ID = c.ID
		if err != nil {
			o.Error = err.Error()
		}
		outcomes = append(outcomes, o)
	}
	return outcomes
}

// runProgram runs a script and reads a line of JSON for each call.
func runProgram(ctx context.Context, binary string, args []string, folder string, calls []call) (outcomes []outcome, err error) {
	text, err := json.Marshal(calls)
	if err != nil {
		return nil, fmt.Errorf("write the calls: %w", err)
	}
	cmd := exec.CommandContext(ctx, binary, args...)
	cmd.Dir = folder
	// What these packages would tell their makers of their use does not leave the machine.
	cmd.Env = append(os.Environ(), "WEIR_URL="+stacktest.URL(shared.Gateway), "WEIR_KEY="+shared.APIKey, "WEIR_CALLS="+string(text),
		"HAYSTACK_TELEMETRY_ENABLED=False", "LANGSMITH_TRACING=false", "PYTHONDONTWRITEBYTECODE=1")
	var stderr strings.Builder
	cmd.Stderr = &stderr
	output, err := cmd.Output()
	if err != nil {
		return nil, fmt.Errorf("run %s %v: %w\n%s%s", binary, args, err, output, stderr.String())
	}
	for line := range strings.Lines(string(output)) {
		var o outcome
		if err := json.Unmarshal([]byte(line), &o); err != nil {
			return nil, fmt.Errorf("read %q of %v: %w\n%s", line, args, err, stderr.String())
		}
		outcomes = append(outcomes, o)
	}
	return outcomes, nil
}
