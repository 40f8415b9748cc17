package e2e_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"

	"weir/e2e/stacktest"
)

// TestOpenAIGo makes one call of each kind with OpenAI's official client for Go.
func TestOpenAIGo(t *testing.T) {
	client := openai.NewClient(option.WithBaseURL(stacktest.URL(shared.Gateway)+"/v1/"), option.WithAPIKey(shared.APIKey), option.WithMaxRetries(0))
	ids := map[string]string{}
	for _, c := range clientCases() {
		t.Run(c.name, func(t *testing.T) {
			tags, user, trace, extra := c.dimensions("openai-go")
			var resp *http.Response
			opts := []option.RequestOption{option.WithResponseInto(&resp), option.WithJSONSet("requesty", map[string]any{
				"tags": tags, "user_id": user, "trace_id": trace, "extra": extra,
			})}
			call := goCall{client: client, opts: opts, params: openai.ChatCompletionNewParams{
				Model: c.model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage("What does the river carry?")},
			}}
			switch c.name {
			case "plain":
				call.plain(t, c)
			case "streamed":
				call.streamed(t, c)
			case "tools":
				call.tools(t)
			case "structured":
				call.structured(t)
			case "error":
				call.failing(t)
			}
			if resp == nil {
				t.Fatal("the client kept no response")
			}
			ids[c.name] = resp.Header.Get(stacktest.RequestIDHeader)
			if p, m := resp.Header.Get("X-Requesty-Provider"), resp.Header.Get("X-Requesty-Model"); p != "mock" || !strings.HasPrefix(m, "mock/") {
				t.Errorf("the headers name provider %q and model %q", p, m)
			}
		})
	}
	checkBooks(t, "openai-go", ids)
}

// goCall is one call of the Go client.
type goCall struct {
	client openai.Client
	params openai.ChatCompletionNewParams
	opts   []option.RequestOption
}

func (g goCall) new(t *testing.T) *openai.ChatCompletion {
	t.Helper()
	completion, err := g.client.Chat.Completions.New(t.Context(), g.params, g.opts...)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.HasPrefix(completion.Model, "mock/") || len(completion.Choices) != 1 {
		t.Errorf("model %q, %d choices", completion.Model, len(completion.Choices))
	}
	return completion
}

func (g goCall) plain(t *testing.T, c clientCase) {
	completion := g.new(t)
	u := completion.Usage
	if completion.Choices[0].Message.Content == "" || u.PromptTokens != 1000 || u.PromptTokensDetails.CachedTokens != 400 ||
		u.CompletionTokens != 50 || u.CompletionTokensDetails.ReasoningTokens != 20 {
		t.Errorf("answer is %s", completion.RawJSON())
	}
	var withCost struct{ Cost json.Number }
	if err := json.Unmarshal([]byte(u.RawJSON()), &withCost); err != nil || !sameDecimal(withCost.Cost.String(), c.cost) {
		t.Errorf("usage.cost is %s, want %s (%v)", withCost.Cost, c.cost, err)
	}
}

func (g goCall) streamed(t *testing.T, c clientCase) {
	g.params.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	stream := g.client.Chat.Completions.NewStreaming(t.Context(), g.params, g.opts...)
	var all openai.ChatCompletionAccumulator
	chunks := 0
	for stream.Next() {
		chunk := stream.Current()
		chunks++
		if !strings.HasPrefix(chunk.Model, "mock/") {
			t.Errorf("a chunk names the model %q", chunk.Model)
		}
		if !all.AddChunk(chunk) {
			t.Errorf("the client cannot put together %s", chunk.RawJSON())
		}
	}
	if err := stream.Err(); err != nil {
		t.Fatal(err)
	}
	if chunks < 16 || all.Choices[0].Message.Content == "" || all.Usage.CompletionTokens != 300 || all.Usage.PromptTokensDetails.CachedTokens != 1500 {
		t.Errorf("%d chunks, usage %s", chunks, all.Usage.RawJSON())
	}
}

func (g goCall) tools(t *testing.T) {
	g.params.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
		Name: "level", Parameters: openai.FunctionParameters{"type": "object", "properties": map[string]any{
			"river": map[string]string{"type": "string"}, "days": map[string]string{"type": "integer"}}},
	})}
	g.params.ToolChoice = openai.ChatCompletionToolChoiceOptionUnionParam{OfAuto: openai.String("required")}
	choice := g.new(t).Choices[0]
	if choice.FinishReason != "tool_calls" || len(choice.Message.ToolCalls) != 1 {
		t.Fatalf("no tool was called: %s", choice.RawJSON())
	}
	var arguments struct {
		River *string
		Days  *int
	}
	function := choice.Message.ToolCalls[0].Function
	if err := json.Unmarshal([]byte(function.Arguments), &arguments); err != nil || function.Name != "level" || arguments.River == nil || arguments.Days == nil {
		t.Errorf("the call is %s(%s): %v", function.Name, function.Arguments, err)
	}
}

func (g goCall) structured(t *testing.T) {
	g.params.ResponseFormat.OfJSONSchema = &openai.ResponseFormatJSONSchemaParam{JSONSchema: openai.ResponseFormatJSONSchemaJSONSchemaParam{
		Name: "gauge", Strict: openai.Bool(true), Schema: map[string]any{"type": "object", "required": []string{"level", "rising"},
			"properties": map[string]any{"level": map[string]string{"type": "number"}, "rising": map[string]string{"type": "boolean"}}},
	}}
	var gauge struct {
		Level  *float64
		Rising *bool
	}
	content := g.new(t).Choices[0].Message.Content
	if err := json.Unmarshal([]byte(content), &gauge); err != nil || gauge.Level == nil || gauge.Rising == nil {
		t.Errorf("the content is %s: %v", content, err)
	}
}

func (g goCall) failing(t *testing.T) {
	_, err := g.client.Chat.Completions.New(t.Context(), g.params, g.opts...)
	apiErr := (*openai.Error)(nil)
	if !errors.As(err, &apiErr) {
		t.Fatalf("the client raised %v", err)
	}
	if apiErr.StatusCode != http.StatusTooManyRequests || apiErr.Code != "rate_limit_exceeded" || !strings.Contains(apiErr.RawJSON(), `"provider"`) {
		t.Errorf("the client raised %d %s", apiErr.StatusCode, apiErr.RawJSON())
	}
}
