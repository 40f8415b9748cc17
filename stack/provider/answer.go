package provider

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// maxWords bounds the text of one choice, however many tokens it claims.
const maxWords = 16384

// defaultChunks is how many content chunks a stream has when nobody says otherwise.
const defaultChunks = 8

// answer is one chat completion, settled before its first byte.
type answer struct {
	id      string
	created int64
	model   string // without the options
	choices int
	tokens  Tokens
	pieces  []string // the content of each choice, or its tool call's arguments, chunk by chunk, as it stands inside a JSON string
	tool    string   // the function that is called, "" for none
	finish  string   // finish_reason
	report  bool     // usage is part of the answer
}

// compose settles the answer to q.
func (q *chatRequest) compose(number int64, model string, o options) (*answer, error) {
	tokens, limited, err := q.tokens(o)
	if err != nil {
		return nil, err
	}
	a := &answer{
		id: "chatcmpl-mock" + strconv.FormatInt(number, 10), created: time.Now().Unix(), model: model,
		choices: q.choices(), tokens: tokens, finish: "stop", report: q.wantsUsage() && o.fault != faultNoUsage,
	}
	if limited {
		a.finish = "length"
	}
	visible := tokens.Completion - tokens.Reasoning
	chunks := o.chunks
	if chunks == unset {
		chunks = int(min(max(visible, 1), defaultChunks))
	}
	chunks = max(chunks, 1)
	called := q.calledTool()
	switch {
	case called != nil:
		a.tool, a.finish = called.Function.Name, "tool_calls"
		text, err := satisfy(called.Function.Parameters)
		if err != nil {
			return nil, invalid("tools", "Invalid schema for function '%s': %v", called.Function.Name, err)
		}
		a.pieces = split(text, chunks)
	case q.ResponseFormat != nil && q.ResponseFormat.Type == "json_schema":
		text, err := satisfy(q.ResponseFormat.JSONSchema.Schema)
		if err != nil {
			return nil, invalid("response_format", "Invalid schema for response_format: %v", err)
		}
		a.pieces = split(text, chunks)
	case q.ResponseFormat != nil && q.ResponseFormat.Type == "json_object":
		a.pieces = split(`{"answer":"mock"}`, chunks)
	default:
		a.pieces = words(visible, chunks)
	}
	return a, nil
}

// produced is what was used up when served of the answer's content chunks, of all choices, were made.
func (a *answer) produced(served int) Tokens {
	t := a.tokens
	visible, total := t.Completion-t.Reasoning, int64(len(a.pieces)*a.choices)
	part, rest := visible/total*int64(served), visible%total*int64(served)
	t.Completion = t.Reasoning + part + (rest+total-1)/total
	return t
}

// words spreads about one word a token over the chunks, at least one each.
func words(tokens int64, chunks int) []string {
	list := [...]string{"over ", "the ", "low ", "dam ", "runs ", "what ", "the ", "river ", "gave, ", "all ", "of ", "it ", "counted. "}
	n := int(min(tokens, maxWords))
	pieces := make([]string, chunks)
	var b strings.Builder
	for i := range pieces {
		from, to := n*i/chunks, n*(i+1)/chunks
		b.Reset()
		for w := from; w < max(to, from+1); w++ {
			b.WriteString(list[w%len(list)])
		}
		pieces[i] = b.String()
	}
	return pieces
}

// split cuts text into at most chunks pieces of whole characters, quoted for a JSON string.
func split(text string, chunks int) []string {
	runes := []rune(text)
	chunks = max(min(chunks, len(runes)), 1)
	pieces := make([]string, chunks)
	for i := range pieces {
		pieces[i] = quoted(string(runes[len(runes)*i/chunks : len(runes)*(i+1)/chunks]))
	}
	return pieces
}

// quoted is s as it stands between the quotes of a JSON string.
func quoted(s string) string {
	text, _ := json.Marshal(s) // a string always marshals
	return string(text[1 : len(text)-1])
}

// usage is OpenAI's usage object.
func (a *answer) usage() string {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	t := a.tokens
	return `{"prompt_tokens":` + n(t.Prompt) + `,"completion_tokens":` + n(t.Completion) +
		`,"total_tokens":` + n(t.Prompt+t.Completion) +
		`,"prompt_tokens_details":{"cached_tokens":` + n(t.Cached) + `,"caching_tokens":` + n(t.Written) +
		`,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":` + n(t.Reasoning) +
		`,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`
}

// head begins the object of a whole answer or of a chunk.
func (a *answer) head(object string) string {
	return `{"id":"` + a.id + `","object":"` + object + `","created":` + strconv.FormatInt(a.created, 10) +
		`,"model":"` + a.model + `","service_tier":"default","system_fingerprint":"fp_mock"`
}

// whole is the body of a plain answer.
func (a *answer) whole() []byte {
	content := strings.Join(a.pieces, "")
	message := `{"role":"assistant","content":"` + content + `","refusal":null,"annotations":[]}`
	if a.tool != "" {
		message = `{"role":"assistant","content":null,"refusal":null,"tool_calls":[{"id":"` + a.callID() +
			`","type":"function","function":{"name":"` + quoted(a.tool) + `","arguments":"` + content + `"}}]}`
	}
	var b strings.Builder
	b.WriteString(a.head("chat.completion"))
	b.WriteString(`,"choices":[`)
	for i := range a.choices {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"index":` + strconv.Itoa(i) + `,"message":` + message + `,"logprobs":null,"finish_reason":"` + a.finish + `"}`)
	}
	b.WriteByte(']')
	if a.report {
		b.WriteString(`,"usage":` + a.usage())
	}
	b.WriteString("}\n")
	return []byte(b.String())
}

func (a *answer) callID() string { return "call_" + strings.TrimPrefix(a.id, "chatcmpl-") }
