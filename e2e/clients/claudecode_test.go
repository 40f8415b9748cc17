package clients_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"weir/e2e/stacktest"
)

// claudeUser is the end user whom testdata/claude-code.json names in its metadata.
const claudeUser = "user_0f3a_account_5c1e_session_7d20"

// callClaudeCode sends what Claude Code sends when ANTHROPIC_BASE_URL is the gateway (or a path of it), ANTHROPIC_AUTH_TOKEN the key
// and ANTHROPIC_CUSTOM_HEADERS the header that names the call: a bearer, the beta headers and query, system blocks
// with cache breakpoints, tools, thinking, and a conversation with an earlier tool call in it.
func callClaudeCode(ctx context.Context, c call) (o outcome, err error) {
	body, err := claudeCodeBody(c)
	if err != nil {
		return o, err
	}
	base := stacktest.URL(shared.Gateway)
	if _, below, has := strings.Cut(c.Client, " "); has {
		base += below
	}
	path := "/v1/messages?beta=true"
	if c.Case == count {
		path = "/v1/messages/count_tokens?beta=true"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, base+path, bytes.NewReader(body))
	if err != nil {
		return o, fmt.Errorf("make the request: %w", err)
	}
	for name, value := range map[string]string{
		"Authorization": "Bearer " + shared.APIKey, "X-Requesty-Call": c.ID,
		"Anthropic-Version": "2023-06-01", "Anthropic-Dangerous-Direct-Browser-Access": "true",
		"Anthropic-Beta": "claude-code-20250219,interleaved-thinking-2025-05-14,fine-grained-tool-streaming-2025-05-14",
		"Accept":         "application/json", "Content-Type": "application/json", "X-App": "cli",
		"User-Agent":       "claude-cli/2.0.14 (external, cli)",
		"X-Stainless-Lang": "js", "X-Stainless-Runtime": "node", "X-Stainless-Retry-Count": "0", "X-Stainless-Timeout": "600",
		"X-Stainless-Helper-Method": "stream",
	} {
		req.Header.Set(name, value)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return o, fmt.Errorf("send the request: %w", err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		text, err := io.ReadAll(resp.Body)
		if err != nil {
			return o, fmt.Errorf("read the refusal: %w", err)
		}
		return o, fmt.Errorf("it is answered %d %s", resp.StatusCode, text)
	}
	switch c.Case {
	case count:
		var answer struct {
			InputTokens *int64 `json:"input_tokens"`
		}
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			return o, fmt.Errorf("read the count: %w", err)
		}
		return outcome{InputTokens: answer.InputTokens}, nil
	case plain:
		var answer claudeMessage
		if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
			return o, fmt.Errorf("read the message: %w", err)
		}
		return answer.outcome(1)
	}
	return readClaudeStream(resp.Body)
}

// claudeCodeBody is the body of testdata/claude-code.json as the case needs it.
func claudeCodeBody(c call) ([]byte, error) {
	text, err := os.ReadFile(filepath.Join("testdata", "claude-code.json"))
	if err != nil {
		return nil, fmt.Errorf("read the transcript: %w", err)
	}
	ask := question
	if c.Case == streamTool {
		ask += " Use the tool." // where thinking is on, no tool choice may say so
	}
	var body map[string]any
	if err := json.Unmarshal([]byte(strings.NewReplacer("MODEL", c.Model, "QUESTION", ask).Replace(string(text))), &body); err != nil {
		return nil, fmt.Errorf("read the transcript: %w", err)
	}
	switch c.Case {
	case plain: // as it asks the small model for a title
		body["stream"], body["max_tokens"] = false, 512
		delete(body, "thinking")
	case count:
		for _, name := range []string{"stream", "max_tokens", "temperature", "metadata"} {
			delete(body, name)
		}
	}
	if text, err = json.Marshal(body); err != nil {
		return nil, fmt.Errorf("write the body: %w", err)
	}
	return text, nil
}

// claudeBlock is a content block, or what an event says of one.
type claudeBlock struct {
	Type    string          `json:"type"`
	Text    string          `json:"text"`
	Name    string          `json:"name"`
	Input   json.RawMessage `json:"input"`
	Partial string          `json:"partial_json"`
}

type claudeMessage struct {
	Content []claudeBlock `json:"content"`
	Usage   struct {
		OutputTokens int64 `json:"output_tokens"`
	} `json:"usage"`
}

// outcome is what a whole message says; thinking stays with the client.
func (m claudeMessage) outcome(pieces int) (outcome, error) {
	var text strings.Builder
	for _, block := range m.Content {
		switch block.Type {
		case "text":
			text.WriteString(block.Text)
		case "tool_use":
			return toolOutcome(block.Name, string(block.Input))
		}
	}
	return textOutcome(text.String(), pieces, nil, &m.Usage.OutputTokens), nil
}

// readClaudeStream puts a message together as strictly as Claude Code does: each block begins, goes on and ends in
// its turn.
func readClaudeStream(body io.Reader) (o outcome, err error) {
	var message claudeMessage
	open, ended, n := false, false, 0
	lines := bufio.NewScanner(body)
	name := ""
	for lines.Scan() {
		line := lines.Text()
		if event, ok := strings.CutPrefix(line, "event: "); ok {
			name = event
		}
		data, ok := strings.CutPrefix(line, "data: ")
		if !ok {
			continue
		}
		var event struct {
			Type  string      `json:"type"`
			Index int         `json:"index"`
			Block claudeBlock `json:"content_block"`
			Delta claudeBlock `json:"delta"`
			Usage struct {
				OutputTokens int64 `json:"output_tokens"`
			} `json:"usage"`
		}
		if err := json.Unmarshal([]byte(data), &event); err != nil {
			return o, fmt.Errorf("read the event %q: %w", data, err)
		}
		last := len(message.Content) - 1
		switch inTurn := event.Type == name && !ended; {
		case !inTurn:
			return o, fmt.Errorf("the event %s has the data %s", name, data)
		case name == "content_block_start" && !open && event.Index == last+1:
			open = true
			event.Block.Input = nil // it comes in pieces
			message.Content = append(message.Content, event.Block)
		case name == "content_block_delta" && open && event.Index == last:
			if event.Delta.Text != "" {
				n++
			}
			message.Content[last].Text += event.Delta.Text
			message.Content[last].Input = append(message.Content[last].Input, event.Delta.Partial...)
		case name == "content_block_stop" && open && event.Index == last:
			open = false
		case name == "message_delta" && !open:
			message.Usage.OutputTokens = event.Usage.OutputTokens
		case name == "message_stop" && !open:
			ended = true
		case name != "message_start" && name != "ping":
			return o, fmt.Errorf("the event %s is out of turn", data)
		}
	}
	if err := lines.Err(); err != nil {
		return o, fmt.Errorf("read the stream: %w", err)
	}
	if !ended {
		return o, fmt.Errorf("the stream ended before message_stop, after %d blocks", len(message.Content))
	}
	return message.outcome(n)
}
