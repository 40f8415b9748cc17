package clients_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	api "github.com/openai/openai-go/v3/responses"

	"weir/e2e/stacktest"
)

// question is what every client asks.
const question = "What does the river carry?"

// levelSchema is of the tool that every client may call, gaugeSchema of the structure that it asks for.
func levelSchema() map[string]any {
	return map[string]any{
		"type": "object", "required": []string{"river", "days"}, "additionalProperties": false,
		"properties": map[string]any{"river": map[string]string{"type": "string"}, "days": map[string]string{"type": "integer"}},
	}
}

func gaugeSchema() map[string]any {
	return map[string]any{
		"type": "object", "required": []string{"level", "rising"}, "additionalProperties": false,
		"properties": map[string]any{"level": map[string]string{"type": "number"}, "rising": map[string]string{"type": "boolean"}},
	}
}

// textOutcome is a text, in how many pieces it came, and the tokens of which the client tells.
func textOutcome(text string, pieces int, input, output *int64) outcome {
	return outcome{Text: text, Pieces: pieces, InputTokens: input, OutputTokens: output}
}

// toolOutcome is a called tool with its arguments as JSON.
func toolOutcome(name, arguments string) (o outcome, err error) {
	o.Tool.Name = name
	if err := json.Unmarshal([]byte(arguments), &o.Tool.Arguments); err != nil {
		return o, fmt.Errorf("read the arguments %q: %w", arguments, err)
	}
	return o, nil
}

// gaugeOutcome is a structure that came as text.
func gaugeOutcome(text string) (o outcome, err error) {
	if err := json.Unmarshal([]byte(text), &o.JSON); err != nil {
		return o, fmt.Errorf("read the structure %q: %w", text, err)
	}
	return o, nil
}

// callOpenAI makes a call with OpenAI's official client for Go.
func callOpenAI(ctx context.Context, c call) (outcome, error) {
	client := openai.NewClient(option.WithBaseURL(stacktest.URL(shared.Gateway)+"/v1/"), option.WithAPIKey(shared.APIKey),
		option.WithMaxRetries(0), option.WithHeader("X-Requesty-Call", c.ID), option.WithJSONSet("requesty", c.Requesty))
	var (
		o   outcome
		err error
	)
	switch c.Endpoint {
	case chat:
		o, err = openAIChat(ctx, client, c)
	case responses:
		o, err = openAIResponse(ctx, client, c)
	case embeddings:
		o, err = openAIEmbeddings(ctx, client, c)
	}
	if raised := (*openai.Error)(nil); c.Case == failing && errors.As(err, &raised) {
		return outcome{Refusal: int64(raised.StatusCode)}, nil
	}
	return o, err
}

func openAIChat(ctx context.Context, client openai.Client, c call) (o outcome, err error) {
	params := openai.ChatCompletionNewParams{Model: c.Model, Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(question)}}
	switch c.Case {
	case tool, streamTool:
		params.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
			Name: "level", Parameters: levelSchema(), Strict: openai.Bool(true),
		})}
		params.ToolChoice = openai.ChatCompletionToolChoiceOptionUnionParam{OfAuto: openai.String("required")}
	case structured:
		params.ResponseFormat.OfJSONSchema = &openai.ResponseFormatJSONSchemaParam{JSONSchema: openai.ResponseFormatJSONSchemaJSONSchemaParam{
			Name: "gauge", Strict: openai.Bool(true), Schema: gaugeSchema(),
		}}
	}
	n := 1
	var completion *openai.ChatCompletion
	if c.Case == stream || c.Case == streamTool {
		completion, n, err = openAIChatStream(ctx, client, params)
	} else {
		completion, err = client.Chat.Completions.New(ctx, params)
	}
	if err != nil {
		return o, fmt.Errorf("ask for a chat completion: %w", err)
	}
	message := completion.Choices[0].Message
	switch c.Case {
	case tool, streamTool:
		if len(message.ToolCalls) != 1 {
			return o, fmt.Errorf("there are %d tool calls: %s", len(message.ToolCalls), completion.RawJSON())
		}
		return toolOutcome(message.ToolCalls[0].Function.Name, message.ToolCalls[0].Function.Arguments)
	case structured:
		return gaugeOutcome(message.Content)
	}
	return textOutcome(message.Content, n, &completion.Usage.PromptTokens, &completion.Usage.CompletionTokens), nil
}

// openAIChatStream reads a stream, and counts the pieces of its text.
func openAIChatStream(ctx context.Context, client openai.Client, params openai.ChatCompletionNewParams) (*openai.ChatCompletion, int, error) {
	params.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)}
	events := client.Chat.Completions.NewStreaming(ctx, params)
	var all openai.ChatCompletionAccumulator
	n := 0
	for events.Next() {
		chunk := events.Current()
		if len(chunk.Choices) > 0 && chunk.Choices[0].Delta.Content != "" {
			n++
		}
		if !all.AddChunk(chunk) {
			return nil, n, fmt.Errorf("the client cannot put together %s", chunk.RawJSON())
		}
	}
	if err := events.Err(); err != nil {
		return nil, n, fmt.Errorf("read the stream: %w", err)
	}
	return &all.ChatCompletion, n, nil
}

func openAIResponse(ctx context.Context, client openai.Client, c call) (o outcome, err error) {
	params := api.ResponseNewParams{Model: c.Model, Input: api.ResponseNewParamsInputUnion{OfString: openai.String(question)}}
	switch c.Case {
	case tool, streamTool:
		params.Tools = []api.ToolUnionParam{api.ToolParamOfFunction("level", levelSchema(), true)}
		params.ToolChoice.OfToolChoiceMode = openai.Opt(api.ToolChoiceOptionsRequired)
	case structured:
		params.Text.Format.OfJSONSchema = &api.ResponseFormatTextJSONSchemaConfigParam{
			Name: "gauge", Strict: openai.Bool(true), Schema: gaugeSchema(),
		}
	}
	var response *api.Response
	var deltas []string
	if c.Case == stream || c.Case == streamTool {
		response, deltas, err = openAIResponseStream(ctx, client, params)
	} else {
		response, err = client.Responses.New(ctx, params)
	}
	if err != nil {
		return o, fmt.Errorf("ask for a response: %w", err)
	}
	switch c.Case {
	case tool, streamTool:
		for _, item := range response.Output {
			called := item.AsFunctionCall()
			if item.Type != "function_call" {
				continue
			}
			if pieces := strings.Join(deltas, ""); c.Case == streamTool && pieces != called.Arguments {
				return o, fmt.Errorf("the arguments %q came as %q", called.Arguments, pieces)
			}
			return toolOutcome(called.Name, called.Arguments)
		}
		return o, fmt.Errorf("no tool is called: %s", response.RawJSON())
	case structured:
		return gaugeOutcome(response.OutputText())
	case stream:
		return textOutcome(strings.Join(deltas, ""), len(deltas), &response.Usage.InputTokens, &response.Usage.OutputTokens), nil
	}
	return textOutcome(response.OutputText(), 1, &response.Usage.InputTokens, &response.Usage.OutputTokens), nil
}

// openAIResponseStream reads a stream, and the pieces of its text or of a call's arguments.
func openAIResponseStream(ctx context.Context, client openai.Client, params api.ResponseNewParams) (last *api.Response, deltas []string, err error) {
	events := client.Responses.NewStreaming(ctx, params)
	for events.Next() {
		switch event := events.Current(); event.Type {
		case "response.output_text.delta", "response.function_call_arguments.delta":
			deltas = append(deltas, event.Delta)
		case "response.completed":
			last = &event.Response
		}
	}
	if err := events.Err(); err != nil {
		return nil, nil, fmt.Errorf("read the stream: %w", err)
	}
	if last == nil {
		return nil, nil, errors.New("the stream ended without response.completed")
	}
	return last, deltas, nil
}

func openAIEmbeddings(ctx context.Context, client openai.Client, c call) (o outcome, err error) {
	answer, err := client.Embeddings.New(ctx, openai.EmbeddingNewParams{
		Model: c.Model, Input: openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{question, "Silt."}},
	})
	if err != nil {
		return o, fmt.Errorf("ask for embeddings: %w", err)
	}
	for _, d := range answer.Data {
		o.Vectors = append(o.Vectors, len(d.Embedding))
	}
	return o, nil
}
