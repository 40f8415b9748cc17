package converse

import (
	"encoding/base64"
	"encoding/json"
	"slices"
	"strings"

	"weir/stack/provider/answer"
)

type message struct {
	Role    string                       `json:"role"`
	Content []map[string]json.RawMessage `json:"content"` // each block has one member, which is its kind
}

// blockKinds are the members that a content block can have.
func blockKinds() []string {
	return []string{"audio", "cachePoint", "citationsContent", "document", "guardContent", "image", "reasoningContent", "searchResult", "text",
		"toolResult", "toolUse", "video"}
}

// turn is what one message brings that has to fit its neighbours.
type turn struct {
	calls, results []string
	text           strings.Builder
}

// checkMessages refuses what does not belong together. It returns the last user text and whether tools are
// spoken of.
func checkMessages(raw json.RawMessage) (lastUser string, tools bool, err error) {
	var messages []message
	if json.Unmarshal(raw, &messages) != nil {
		return "", false, answer.Invalid("messages", "messages must be a list of messages, each with a role and a list of content blocks")
	}
	switch {
	case len(messages) == 0:
		return "", false, answer.Invalid("messages", "A conversation must start with a user message. Try again with a conversation that starts with a user message.")
	case messages[0].Role != "user":
		return "", false, answer.Invalid("messages", "A conversation must start with a user message. Try again with a conversation that starts with a user message.")
	}
	var open []string // the calls of the message before
	for i, m := range messages {
		switch {
		case m.Role != "user" && m.Role != "assistant":
			return "", false, answer.Invalid("messages", "Value '%s' at 'messages.%d.member.role' failed to satisfy constraint: Member must satisfy enum value set: [user, assistant]", m.Role, i+1)
		case i > 0 && m.Role == messages[i-1].Role:
			return "", false, answer.Invalid("messages", "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again.")
		case len(m.Content) == 0:
			return "", false, answer.Invalid("messages", "The content field in the Message object at messages.%d is empty. Add a ContentBlock object to the content field and try again.", i)
		}
		t, err := m.read(i)
		if err != nil {
			return "", false, err
		}
		if err := fits(i, open, t.results); err != nil {
			return "", false, err
		}
		if m.Role == "user" {
			lastUser = t.text.String()
		}
		tools = tools || len(t.calls)+len(t.results) > 0
		open = t.calls
	}
	if len(open) > 0 {
		return "", false, fits(len(messages), open, nil)
	}
	return lastUser, tools, nil
}

// fits compares the results of message i with the calls of the one before.
func fits(i int, calls, results []string) error {
	for _, id := range calls {
		if !slices.Contains(results, id) {
			return answer.Invalid("messages", "Expected toolResult blocks at messages.%d.content for the following Ids: %s", i, strings.Join(calls, ", "))
		}
	}
	if len(results) > len(calls) {
		return answer.Invalid("messages", "The number of toolResult blocks at messages.%d.content exceeds the number of toolUse blocks of previous turn.", i)
	}
	return nil
}

func (m message) read(i int) (*turn, error) {
	t := new(turn)
	for j, b := range m.Content {
		if len(b) != 1 {
			return nil, answer.Invalid("messages", "The content block at messages.%d.content.%d must have exactly one member.", i, j)
		}
		for kind, raw := range b {
			if !slices.Contains(blockKinds(), kind) {
				return nil, answer.Invalid("messages", "The content block at messages.%d.content.%d has a member that is not known: %s", i, j, kind)
			}
			if err := t.add(i, j, m.Role, kind, raw); err != nil {
				return nil, err
			}
		}
	}
	return t, nil
}

// block has the members of the kinds of blocks that are looked into.
type block struct {
	ID        string          `json:"toolUseId"`
	Input     json.RawMessage `json:"input"`
	Content   json.RawMessage `json:"content"`
	Format    string          `json:"format"`
	Reasoning *struct {
		Text      string `json:"text"`
		Signature string `json:"signature"`
	} `json:"reasoningText"`
	Source map[string]json.RawMessage `json:"source"`
}

// add takes one block into the turn.
func (t *turn) add(i, j int, role, kind string, raw json.RawMessage) error {
	if kind == "text" {
		var text string
		if json.Unmarshal(raw, &text) != nil || text == "" {
			return answer.Invalid("messages", "The text field in the ContentBlock object at messages.%d.content.%d is blank. Add text to the text field, and try again.", i, j)
		}
		t.text.WriteString(text)
		return nil
	}
	var b block
	if json.Unmarshal(raw, &b) != nil {
		return answer.Invalid("messages", "The %s block at messages.%d.content.%d cannot be read.", kind, i, j)
	}
	switch kind {
	case "toolUse":
		if role != "assistant" || len(b.Input) == 0 || b.Input[0] != '{' {
			return answer.Invalid("messages", "The toolUse block at messages.%d.content.%d needs the assistant's role and an object as input.", i, j)
		}
		if !answer.IsName(b.ID, 64) {
			return answer.Invalid("messages", "Value '%s' at 'messages.%d.member.content.%d.member.toolUse.toolUseId' failed to satisfy constraint: "+
				"Member must satisfy regular expression pattern: [a-zA-Z0-9_-]+", b.ID, i+1, j+1)
		}
		t.calls = append(t.calls, b.ID)
	case "toolResult":
		if role != "user" || len(b.Content) == 0 || b.Content[0] != '[' {
			return answer.Invalid("messages", "The toolResult block at messages.%d.content.%d needs the user's role and a list as content.", i, j)
		}
		t.results = append(t.results, b.ID)
	case "reasoningContent":
		if r := b.Reasoning; r != nil && r.Signature != answer.Signature(r.Text) {
			return answer.Invalid("messages", "The model returned the following errors: messages.%d.content.%d: Invalid `signature` in `thinking` block", i, j)
		}
	case "image":
		return checkImage(i, j, b)
	}
	return nil
}

func checkImage(i, j int, b block) error {
	if !slices.Contains([]string{"png", "jpeg", "gif", "webp"}, b.Format) {
		return answer.Invalid("messages", "Value '%s' at 'messages.%d.content.%d.image.format' failed to satisfy constraint: Member must satisfy enum value set: [gif, jpeg, png, webp]", b.Format, i, j)
	}
	var text string
	raw, bytes := b.Source["bytes"]
	if !bytes && len(b.Source["s3Location"]) > 0 {
		return nil
	}
	if json.Unmarshal(raw, &text) != nil {
		return answer.Invalid("messages", "The image at messages.%d.content.%d needs its bytes or an s3Location as source.", i, j)
	}
	if _, err := base64.StdEncoding.DecodeString(text); err != nil || text == "" {
		return answer.Invalid("messages", "Could not process image at messages.%d.content.%d: its bytes are no base64.", i, j)
	}
	return nil
}
