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
	case stream:
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
				return o, fmt.Errorf("the client cannot put together %s", chunk.RawJSON())
			}
		}
		if err := events.Err(); err != nil {
			return o, fmt.Errorf("read the stream: %w", err)
		}
		return textOutcome(all.Choices[0].Message.Content, n, &all.Usage.PromptTokens, &all.Usage.CompletionTokens), nil
	case tool:
		params.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(openai.FunctionDefinitionParam{
			Name: "level", Parameters: levelSchema(), Strict: openai.Bool(true),
		})}
		params.ToolChoice = openai.ChatCompletionToolChoiceOptionUnionParam{OfAuto: openai.String("required")}
	case structured:
		params.ResponseFormat.OfJSONSchema = &openai.ResponseFormatJSONSchemaParam{JSONSchema: openai.ResponseFormatJSONSchemaJSONSchemaParam{
			Name: "gauge", Strict: openai.Bool(true), Schema: gaugeSchema(),
		}}
	}
	completion, err := client.Chat.Completions.New(ctx, params)
	if err != nil {
		return o, fmt.Errorf("ask for a chat completion: %w", err)
	}
	message := completion.Choices[0].Message
	switch c.Case {
	case tool:
		if len(message.ToolCalls) != 1 {
			return o, fmt.Errorf("there are %d tool calls: %s", len(message.ToolCalls), completion.RawJSON())
		}
		return toolOutcome(message.ToolCalls[0].Function.Name, message.ToolCalls[0].Function.Arguments)
	case structured:
		return gaugeOutcome(message.Content)
	}
	return textOutcome(message.Content, 1, &completion.Usage.PromptTokens, &completion.Usage.CompletionTokens), nil
}

func openAIResponse(ctx context.Context, client openai.Client, c call) (o outcome, err error) {
	params := api.ResponseNewParams{Model: c.Model, Input: api.ResponseNewParamsInputUnion{OfString: openai.String(question)}}
	switch c.Case {
	case stream:
		events := client.Responses.NewStreaming(ctx, params)
		var text strings.Builder
		var last api.Response
		n := 0
		for events.Next() {
			switch event := events.Current(); event.Type {
			case "response.output_text.delta":
				n++
				text.WriteString(event.Delta)
			case "response.completed":
				last = event.Response
			}
		}
		if err := events.Err(); err != nil {
			return o, fmt.Errorf("read the stream: %w", err)
		}
		return textOutcome(text.String(), n, &last.Usage.InputTokens, &last.Usage.OutputTokens), nil
	case tool:
		params.Tools = []api.ToolUnionParam{api.ToolParamOfFunction("level", levelSchema(), true)}
		params.ToolChoice.OfToolChoiceMode = openai.Opt(api.ToolChoiceOptionsRequired)
	case structured:
		params.Text.Format.OfJSONSchema = &api.ResponseFormatTextJSONSchemaConfigParam{
			Name: "gauge", Strict: openai.Bool(true), Schema: gaugeSchema(),
		}
	}
	response, err := client.Responses.New(ctx, params)
	if err != nil {
		return o, fmt.Errorf("ask for a response: %w", err)
	}
	switch c.Case {
	case tool:
		for _, item := range response.Output {
			if called := item.AsFunctionCall(); item.Type == "function_call" {
				return toolOutcome(called.Name, called.Arguments)
			}
		}
		return o, fmt.Errorf("no tool is called: %s", response.RawJSON())
	case structured:
		return gaugeOutcome(response.OutputText())
	}
	return textOutcome(response.OutputText(), 1, &response.Usage.InputTokens, &response.Usage.OutputTokens), nil
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
