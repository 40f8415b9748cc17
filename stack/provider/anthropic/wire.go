package anthropic

import (
	"encoding/json"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

// wire writes a message: its blocks one after the other, the thought first.
type wire struct {
	a     *answer.Answer
	stops []string // the stop sequences of the request
}

func (*wire) Types() (whole, stream string) {
	return "application/json", "text/event-stream; charset=utf-8"
}

func (w *wire) Whole() []byte {
	var content []any
	if w.a.Thought != "" {
		content = append(content, object{"type": "thinking", "thinking": w.a.Thought, "signature": answer.Signature(w.a.Thought)})
	}
	for i := range w.a.Calls {
		content = append(content, w.call(i, json.RawMessage(w.a.Text)))
	}
	if w.a.Tool == "" {
		content = append(content, object{"type": "text", "text": w.a.Text})
	}
	m := w.message(content)
	m["stop_reason"], m["stop_sequence"] = w.stop()
	if w.a.Report {
		m["usage"] = w.usage(w.a.Tokens.Completion)
	}
	return exchange.JSON(m)
}

// Open begins the message with the input's usage and one token of output, as Anthropic does; the later
// counts replace it.
func (w *wire) Open() [][]byte {
	m := w.message([]any{})
	if w.a.Report {
		m["usage"] = w.usage(min(w.a.Tokens.Completion, 1))
	}
	list := [][]byte{
		exchange.Event("message_start", object{"type": "message_start", "message": m}),
		exchange.Event("ping", object{"type": "ping"}),
	}
	if w.a.Thought == "" {
		return list
	}
	half := len(w.a.Thought) / 2
	return append(list,
		blockStart(0, object{"type": "thinking", "thinking": "", "signature": ""}),
		blockDelta(0, object{"type": "thinking_delta", "thinking": w.a.Thought[:half]}),
		blockDelta(0, object{"type": "thinking_delta", "thinking": w.a.Thought[half:]}),
		blockDelta(0, object{"type": "signature_delta", "signature": answer.Signature(w.a.Thought)}),
		blockStop(0))
}

// Piece opens the block before its first chunk and closes it after its last.
func (w *wire) Piece(i int) []byte {
	call, j := i/len(w.a.Pieces), i%len(w.a.Pieces)
	index := call
	if w.a.Thought != "" {
		index++
	}
	piece := json.RawMessage(`"` + w.a.Pieces[j] + `"`)
	start, delta := object{"type": "text", "text": ""}, object{"type": "text_delta", "text": piece}
	if w.a.Tool != "" {
		start, delta = w.call(call, json.RawMessage("{}")), object{"type": "input_json_delta", "partial_json": piece}
	}
	var b []byte
	if j == 0 {
		b = append(b, blockStart(index, start)...)
	}
	b = append(b, blockDelta(index, delta)...)
	if j == len(w.a.Pieces)-1 {
		b = append(b, blockStop(index)...)
	}
	return b
}

func (w *wire) Close() [][]byte {
	reason, sequence := w.stop()
	delta := object{"type": "message_delta", "delta": object{"stop_reason": reason, "stop_sequence": sequence}}
	if w.a.Report {
		delta["usage"] = w.usage(w.a.Tokens.Completion)
	}
	return [][]byte{append(exchange.Event("message_delta", delta), exchange.Event("message_stop", object{"type": "message_stop"})...)}
}

// Broken is overload, the error that Anthropic's streams are known to break with.
func (w *wire) Broken(stream bool) []byte {
	f := answer.Broken()
	f.Status = 529
	f.Message = "Overloaded"
	body := errorBody(f, "req_"+w.a.ID)
	if stream {
		return exchange.Event("error", body)
	}
	return exchange.JSON(body)
}

func (w *wire) message(content []any) object {
	return object{"id": "msg_" + w.a.ID, "type": "message", "role": "assistant", "model": w.a.Model, "content": content,
		"stop_reason": nil, "stop_sequence": nil}
}

func (w *wire) call(i int, input json.RawMessage) object {
	return object{"type": "tool_use", "id": "toolu_" + w.a.CallID(i), "name": w.a.Tool, "input": input}
}

func (w *wire) stop() (reason string, sequence any) {
	switch w.a.Stop {
	case answer.StopLength:
		return "max_tokens", nil
	case answer.StopTool:
		return "tool_use", nil
	case answer.StopFilter:
		return "refusal", nil
	case answer.StopSequence:
		if len(w.stops) > 0 {
			return "stop_sequence", w.stops[0]
		}
		return "stop_sequence", "stop"
	default:
		return "end_turn", nil
	}
}

// usage is Anthropic's: the input is what was neither read from the cache nor written to it.
func (w *wire) usage(output int64) object {
	t := w.a.Tokens
	usage := object{
		"input_tokens": t.Prompt - t.Cached - t.Written, "output_tokens": output,
		"cache_read_input_tokens": t.Cached, "cache_creation_input_tokens": t.Written,
		"cache_creation": object{"ephemeral_5m_input_tokens": t.Written - t.Written1h, "ephemeral_1h_input_tokens": t.Written1h},
		"service_tier":   "standard",
	}
	if t.Reasoning > 0 && output == t.Completion {
		usage["output_tokens_details"] = object{"thinking_tokens": t.Reasoning}
	}
	if n := w.a.Units.Searches; n > 0 {
		usage["server_tool_use"] = object{"web_search_requests": n}
	}
	return usage
}

func blockStart(index int, block object) []byte {
	return exchange.Event("content_block_start", object{"type": "content_block_start", "index": index, "content_block": block})
}

func blockDelta(index int, delta object) []byte {
	return exchange.Event("content_block_delta", object{"type": "content_block_delta", "index": index, "delta": delta})
}

func blockStop(index int) []byte {
	return exchange.Event("content_block_stop", object{"type": "content_block_stop", "index": index})
}

// countWire answers with the number of tokens alone.
type countWire struct{ a *answer.Answer }

func (*countWire) Types() (whole, stream string) { return "application/json", "" }
func (*countWire) Open() [][]byte                { return nil }
func (*countWire) Piece(int) []byte              { return nil }
func (*countWire) Close() [][]byte               { return nil }

func (w *countWire) Whole() []byte { return exchange.JSON(object{"input_tokens": w.a.Tokens.Prompt}) }

func (w *countWire) Broken(bool) []byte {
	return exchange.JSON(errorBody(answer.Broken(), "req_"+w.a.ID))
}
