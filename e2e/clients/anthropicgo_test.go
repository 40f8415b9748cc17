package clients_test

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"weir/e2e/stacktest"
)

// callAnthropic makes a call with Anthropic's official client for Go.
func callAnthropic(ctx context.Context, c call) (outcome, error) {
	client := anthropic.NewClient(option.WithoutEnvironmentDefaults(), option.WithBaseURL(stacktest.URL(shared.Gateway)),
		option.WithAPIKey(shared.APIKey), option.WithMaxRetries(0), option.WithHeader("X-Requesty-Call", c.ID))
	ask := []anthropic.MessageParam{anthropic.NewUserMessage(anthropic.NewTextBlock(question))}
	if c.Case == count {
		answer, err := client.Messages.CountTokens(ctx, anthropic.MessageCountTokensParams{Model: c.Model, Messages: ask})
		if err != nil {
			return outcome{}, fmt.Errorf("count tokens: %w", err)
		}
		return outcome{InputTokens: &answer.InputTokens}, nil
	}
	o, err := anthropicMessage(ctx, client, c, anthropic.MessageNewParams{Model: c.Model, MaxTokens: 64, Messages: ask})
	if raised := (*anthropic.Error)(nil); c.Case == failing && errors.As(err, &raised) {
		return outcome{Refusal: int64(raised.StatusCode)}, nil
	}
	return o, err
}

func anthropicMessage(ctx context.Context, client anthropic.Client, c call, params anthropic.MessageNewParams) (o outcome, err error) {
	requesty := option.WithJSONSet("requesty", c.Requesty)
	var message *anthropic.Message
	n := 1
	switch c.Case {
	case stream:
		if message, n, err = anthropicStream(ctx, client, params, requesty); err != nil {
			return o, err
		}
		return textOutcome(anthropicText(message), n, nil, &message.Usage.OutputTokens), nil
	case tool, streamTool:
		schema := levelSchema()
		params.Tools = []anthropic.ToolUnionParam{{OfTool: &anthropic.ToolParam{
			Name: "level", InputSchema: anthropic.ToolInputSchemaParam{Properties: schema["properties"], Required: []string{"river", "days"}},
		}}}
		params.ToolChoice.OfAny = &anthropic.ToolChoiceAnyParam{}
	case structured:
		params.OutputConfig.Format.Schema = gaugeSchema()
	}
	if c.Case == streamTool {
		message, _, err = anthropicStream(ctx, client, params, requesty)
	} else {
		message, err = client.Messages.New(ctx, params, requesty)
	}
	if err != nil {
		return o, fmt.Errorf("ask for a message: %w", err)
	}
	switch c.Case {
	case tool, streamTool:
		for _, block := range message.Content {
			if called := block.AsToolUse(); block.Type == "tool_use" {
				return toolOutcome(called.Name, string(called.Input))
			}
		}
		return o, fmt.Errorf("no tool is called: %s", message.RawJSON())
	case structured:
		return gaugeOutcome(anthropicText(message))
	}
	return textOutcome(anthropicText(message), n, nil, &message.Usage.OutputTokens), nil
}

// anthropicStream reads a stream, and counts the pieces of its text.
func anthropicStream(ctx context.Context, client anthropic.Client, params anthropic.MessageNewParams, more option.RequestOption) (*anthropic.Message, int, error) {
	events := client.Messages.NewStreaming(ctx, params, more)
	var message anthropic.Message
	n := 0
	for events.Next() {
		event := events.Current()
		if err := message.Accumulate(event); err != nil {
			return nil, n, fmt.Errorf("put together the stream: %w", err)
		}
		if event.Type == "content_block_delta" && event.Delta.Text != "" {
			n++
		}
	}
	if err := events.Err(); err != nil {
		return nil, n, fmt.Errorf("read the stream: %w", err)
	}
	return &message, n, nil
}

// anthropicText is the text of a message, whatever else is in it.
func anthropicText(message *anthropic.Message) string {
	var text strings.Builder
	for _, block := range message.Content {
		if block.Type == "text" {
			text.WriteString(block.Text)
		}
	}
	return text.String()
}
