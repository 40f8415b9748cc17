package anthropic

import (
	"encoding/json"
	"slices"
	"strings"

	"weir/stack/provider/answer"
)

type message struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

// block is one part of a message's content.
type block struct {
	Type      string          `json:"type"`
	Text      *string         `json:"text"`
	ID        string          `json:"id"`
	Input     json.RawMessage `json:"input"`
	ToolUseID string          `json:"tool_use_id"`
	Thinking  string          `json:"thinking"`
	Signature string          `json:"signature"`
	Source    *struct {
		Type string `json:"type"`
	} `json:"source"`
}

// blockTypes are the kinds of blocks that a request may bring.
func blockTypes() []string {
	return []string{"text", "image", "document", "search_result", "thinking", "redacted_thinking", "tool_use", "tool_result",
		"server_tool_use", "web_search_tool_result", "web_fetch_tool_result", "code_execution_tool_result",
		"bash_code_execution_tool_result", "text_editor_code_execution_tool_result", "mcp_tool_use", "mcp_tool_result", "container_upload"}
}

// checkMessages refuses what does not belong together and returns the last user text.
func checkMessages(messages []message, thinking bool) (lastUser string, err error) {
	var open []string // the calls of the message before
	for i, m := range messages {
		if m.Role == "system" {
			return "", answer.Invalid("messages", "messages: Unexpected role \"system\". The Messages API accepts a top-level `system` parameter, not \"system\" as an input message role.")
		}
		if m.Role != "user" && m.Role != "assistant" {
			return "", answer.Invalid("messages", "messages.%d.role: Input should be 'user' or 'assistant'", i)
		}
		blocks, err := m.blocks(i)
		if err != nil {
			return "", err
		}
		var calls, results []string
		for j, b := range blocks {
			if err := b.check(i, j, m.Role); err != nil {
				return "", err
			}
			switch b.Type {
			case "tool_use":
				calls = append(calls, b.ID)
			case "tool_result":
				if !slices.Contains(open, b.ToolUseID) {
					return "", answer.Invalid("messages", "%s: unexpected `tool_use_id` found in `tool_result` blocks: %s. "+
						"Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", at(i, j), b.ToolUseID)
				}
				if j > 0 && blocks[j-1].Type != "tool_result" {
					return "", answer.Invalid("messages", "%s: `tool_result` blocks must come first in the content of a message", at(i, j))
				}
				results = append(results, b.ToolUseID)
			}
		}
		if err := settled(i-1, open, results); err != nil {
			return "", err
		}
		if thinking && len(calls) > 0 && !strings.HasSuffix(blocks[0].Type, "thinking") {
			return "", answer.Invalid("messages", "messages.%d.content.0.type: Expected `thinking` or `redacted_thinking`, but found `%s`. "+
				"When `thinking` is enabled, a final `assistant` message must start with a thinking block.", i, blocks[0].Type)
		}
		open = calls
		if m.Role == "user" {
			lastUser = userText(blocks)
		}
	}
	return lastUser, settled(len(messages)-1, open, nil)
}

// userText is the text of a user's turn. One that only brings results has none, so that no tool is called again.
func userText(blocks []block) string {
	var text strings.Builder
	for _, b := range blocks {
		if b.Type == "text" && b.Text != nil {
			text.WriteString(*b.Text)
		}
	}
	return text.String()
}

// settled refuses calls of message i that have no result in the next one.
func settled(i int, calls, results []string) error {
	for _, id := range calls {
		if !slices.Contains(results, id) {
			return answer.Invalid("messages", "messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s. "+
				"Each `tool_use` block must have a corresponding `tool_result` block in the next message.", i, id)
		}
	}
	return nil
}

// blocks reads the content, which may be a bare text.
func (m message) blocks(i int) ([]block, error) {
	var text string
	if json.Unmarshal(m.Content, &text) == nil {
		if text == "" {
			return nil, answer.Invalid("messages", "messages.%d: user messages must have non-empty content", i)
		}
		return []block{{Type: "text", Text: &text}}, nil
	}
	var blocks []block
	if json.Unmarshal(m.Content, &blocks) != nil {
		return nil, answer.Invalid("messages", "messages.%d.content: Input should be a valid list", i)
	}
	return blocks, nil
}

func (b block) check(i, j int, role string) error {
	switch {
	case !slices.Contains(blockTypes(), b.Type):
		return answer.Invalid("messages", "%s: Input tag '%s' found using 'type' does not match any of the expected tags: '%s'",
			at(i, j), b.Type, strings.Join(blockTypes(), "', '"))
	case b.Type == "text" && (b.Text == nil || *b.Text == ""):
		return answer.Invalid("messages", "messages: text content blocks must be non-empty")
	case b.Type == "image" && b.Source == nil, b.Type == "document" && b.Source == nil:
		return answer.Invalid("messages", "%s.%s.source: Field required", at(i, j), b.Type)
	case b.Type == "tool_use" && role != "assistant":
		return answer.Invalid("messages", "messages.%d: `tool_use` blocks can only be in `assistant` messages", i)
	case b.Type == "tool_use" && !answer.IsName(b.ID, 256):
		return answer.Invalid("messages", "%s.tool_use.id: String should match pattern '^[a-zA-Z0-9_-]+$'", at(i, j))
	case b.Type == "tool_use" && (len(b.Input) == 0 || b.Input[0] != '{'):
		return answer.Invalid("messages", "%s.tool_use.input: Input should be a valid dictionary", at(i, j))
	case b.Type == "tool_result" && role != "user":
		return answer.Invalid("messages", "messages.%d: `tool_result` blocks can only be in `user` messages", i)
	case b.Type == "thinking" && b.Signature != answer.Signature(b.Thinking):
		return answer.Invalid("messages", "%s: Invalid `signature` in `thinking` block", at(i, j))
	}
	return nil
}
