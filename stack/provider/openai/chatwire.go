package openai

import (
	"strconv"
	"strings"

	"weir/stack/provider/answer"
)

// chatWire writes a chat completion. Its choices take turns in a stream.
type chatWire struct {
	a    *answer.Answer
	head string // of an event, up to and including `"choices":[`
	tail string // from the end of the choices to the blank line
	buf  []byte // of the event being written
}

// newChatWire writes a; withUsage has the chunks of a stream say that usage is to come.
func newChatWire(a *answer.Answer, withUsage bool) *chatWire {
	w := &chatWire{a: a, tail: "]}\n\n"}
	w.head = "data: " + w.start("chat.completion.chunk") + `,"choices":[`
	if withUsage && a.Report {
		w.tail = `],"usage":null}` + "\n\n"
	}
	return w
}

func (*chatWire) Types() (whole, stream string) {
	return "application/json", "text/event-stream; charset=utf-8"
}

// Open gives each choice its role, and its first call where a tool is called.
func (w *chatWire) Open() [][]byte {
	opening := `{"role":"assistant","content":"","refusal":null}`
	if w.a.Tool != "" {
		opening = `{"role":"assistant","content":null,"tool_calls":[` + w.call(0, `"index":0,`, "") + `]}`
	}
	var list [][]byte
	for index := range w.a.Choices {
		list = append(list, append([]byte{}, w.event(index, opening, "", "", "null")...))
		if w.a.Shown && w.a.Thought != "" {
			list = append(list, append([]byte{}, w.event(index, `{"reasoning_content":"`, w.a.Thought, `"}`, "null")...))
		}
	}
	return list
}

func (w *chatWire) Piece(i int) []byte {
	index, i := i%w.a.Choices, i/w.a.Choices
	call, j := i/len(w.a.Pieces), i%len(w.a.Pieces)
	switch {
	case w.a.Tool == "":
		return w.event(index, `{"content":"`, w.a.Pieces[j], `"}`, "null")
	case call > 0 && j == 0:
		return w.event(index, `{"tool_calls":[`, w.call(call, `"index":`+strconv.Itoa(call)+`,`, w.a.Pieces[j]), `]}`, "null")
	default:
		return w.event(index, `{"tool_calls":[{"index":`+strconv.Itoa(call)+`,"function":{"arguments":"`, w.a.Pieces[j], `"}}]}`, "null")
	}
}

// Close sends the finish reasons, the usage if it was asked for, and the end.
func (w *chatWire) Close() [][]byte {
	var list [][]byte
	for index := range w.a.Choices {
		list = append(list, append([]byte{}, w.event(index, "{}", "", "", `"`+w.finish()+`"`)...))
	}
	end := "data: [DONE]\n\n"
	if w.a.Report {
		end = w.head + `],"usage":` + w.usage() + "}\n\n" + end
	}
	return append(list, []byte(end))
}

func (*chatWire) Broken(stream bool) []byte {
	if stream {
		return brokenEvent()
	}
	return brokenBody()
}

// Whole is the body of a plain answer.
func (w *chatWire) Whole() []byte {
	content := strings.Join(w.a.Pieces, "")
	thought := ""
	if w.a.Shown && w.a.Thought != "" {
		thought = `,"reasoning_content":"` + w.a.Thought + `"`
	}
	message := `{"role":"assistant","content":"` + content + `","refusal":null,"annotations":[]` + thought + `}`
	if w.a.Tool != "" {
		calls := make([]string, w.a.Calls)
		for i := range calls {
			calls[i] = w.call(i, "", content)
		}
		message = `{"role":"assistant","content":null,"refusal":null` + thought + `,"tool_calls":[` + strings.Join(calls, ",") + `]}`
	}
	var b strings.Builder
	b.WriteString(w.start("chat.completion"))
	b.WriteString(`,"choices":[`)
	for i := range w.a.Choices {
		if i > 0 {
			b.WriteByte(',')
		}
		b.WriteString(`{"index":` + strconv.Itoa(i) + `,"message":` + message + `,"logprobs":null,"finish_reason":"` + w.finish() + `"}`)
	}
	b.WriteByte(']')
	if w.a.Report {
		b.WriteString(`,"usage":` + w.usage())
	}
	b.WriteString("}\n")
	return []byte(b.String())
}

// event is a chunk with one choice; delta is an object, finish a JSON string or null. It is good until the
// next one.
func (w *chatWire) event(index int, delta, piece, deltaEnd, finish string) []byte {
	w.buf = append(w.buf[:0], w.head...)
	w.buf = append(w.buf, `{"index":`...)
	w.buf = strconv.AppendInt(w.buf, int64(index), 10)
	w.buf = append(w.buf, `,"delta":`...)
	w.buf = append(w.buf, delta...)
	w.buf = append(w.buf, piece...)
	w.buf = append(w.buf, deltaEnd...)
	w.buf = append(w.buf, `,"logprobs":null,"finish_reason":`...)
	w.buf = append(w.buf, finish...)
	w.buf = append(w.buf, '}')
	w.buf = append(w.buf, w.tail...)
	return w.buf
}

// call is the i-th call with quoted arguments; index is its place in a stream, "" in a whole answer.
func (w *chatWire) call(i int, index, arguments string) string {
	return `{` + index + `"id":"call_` + w.a.CallID(i) + `","type":"function","function":{"name":"` + answer.Quoted(w.a.Tool) +
		`","arguments":"` + arguments + `"}}`
}

// start begins the object of a whole answer or of a chunk.
func (w *chatWire) start(kind string) string {
	return `{"id":"chatcmpl-` + w.a.ID + `","object":"` + kind + `","created":` + strconv.FormatInt(w.a.Created, 10) +
		`,"model":"` + w.a.Model + `","service_tier":"default","system_fingerprint":"fp_mock"`
}

func (w *chatWire) finish() string {
	switch w.a.Stop {
	case answer.StopLength:
		return "length"
	case answer.StopTool:
		return "tool_calls"
	case answer.StopFilter:
		return "content_filter"
	default:
		return "stop"
	}
}

// usage is OpenAI's usage object.
func (w *chatWire) usage() string {
	n := func(v int64) string { return strconv.FormatInt(v, 10) }
	t := w.a.Tokens
	return `{"prompt_tokens":` + n(t.Prompt) + `,"completion_tokens":` + n(t.Completion) +
		`,"total_tokens":` + n(t.Prompt+t.Completion) +
		`,"prompt_tokens_details":{"cached_tokens":` + n(t.Cached) + `,"caching_tokens":` + n(t.Written) +
		`,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":` + n(t.Reasoning) +
		`,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}}`
}
