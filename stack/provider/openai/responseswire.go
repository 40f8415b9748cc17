package openai

import (
	"encoding/json"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

// responsesWire writes a response: its items one after the other, the thought first.
type responsesWire struct {
	a         *answer.Answer
	summary   bool // the thought is summed up
	encrypted bool // and given as it is, sealed
	seq       int  // of the next event
	open      bool // the stream has begun
}

func (*responsesWire) Types() (whole, stream string) {
	return "application/json", "text/event-stream; charset=utf-8"
}

func (w *responsesWire) Whole() []byte { return exchange.JSON(w.response(w.status(), w.items())) }

func (w *responsesWire) Open() [][]byte {
	w.open = true
	list := [][]byte{
		w.event("response.created", object{"response": w.response("in_progress", []any{})}),
		w.event("response.in_progress", object{"response": w.response("in_progress", []any{})}),
	}
	if w.a.Thought == "" {
		return list
	}
	id, item := "rs_"+w.a.ID, w.thought()
	list = append(list, w.event("response.output_item.added", object{"output_index": 0,
		"item": object{"id": id, "type": "reasoning", "summary": []any{}}}))
	if w.summary {
		place := func(more object) object {
			more["item_id"], more["output_index"], more["summary_index"] = id, 0, 0
			return more
		}
		part := object{"type": "summary_text", "text": w.a.Thought}
		half := len(w.a.Thought) / 2
		list = append(list,
			w.event("response.reasoning_summary_part.added", place(object{"part": object{"type": "summary_text", "text": ""}})),
			w.event("response.reasoning_summary_text.delta", place(object{"delta": w.a.Thought[:half]})),
			w.event("response.reasoning_summary_text.delta", place(object{"delta": w.a.Thought[half:]})),
			w.event("response.reasoning_summary_text.done", place(object{"text": w.a.Thought})),
			w.event("response.reasoning_summary_part.done", place(object{"part": part})))
	}
	return append(list, w.event("response.output_item.done", object{"output_index": 0, "item": item}))
}

// Piece opens the item before its first chunk and closes it after its last.
func (w *responsesWire) Piece(i int) []byte {
	call, j := i/len(w.a.Pieces), i%len(w.a.Pieces)
	index := call
	if w.a.Thought != "" {
		index++
	}
	var b []byte
	add := func(name string, more object) {
		more["output_index"] = index
		b = append(b, w.event(name, more)...)
	}
	delta := json.RawMessage(`"` + w.a.Pieces[j] + `"`)
	last := j == len(w.a.Pieces)-1
	if w.a.Tool != "" {
		id := "fc_" + w.a.CallID(call)
		if j == 0 {
			add("response.output_item.added", object{"item": w.call(call, "in_progress", "")})
		}
		add("response.function_call_arguments.delta", object{"item_id": id, "delta": delta})
		if last {
			add("response.function_call_arguments.done", object{"item_id": id, "name": w.a.Tool, "arguments": w.a.Text})
			add("response.output_item.done", object{"item": w.call(call, "completed", w.a.Text)})
		}
		return b
	}
	id := "msg_" + w.a.ID
	if j == 0 {
		add("response.output_item.added", object{"item": w.message("in_progress", []any{})})
		add("response.content_part.added", object{"item_id": id, "content_index": 0, "part": textPart("")})
	}
	add("response.output_text.delta", object{"item_id": id, "content_index": 0, "delta": delta, "logprobs": []any{}})
	if last {
		add("response.output_text.done", object{"item_id": id, "content_index": 0, "text": w.a.Text, "logprobs": []any{}})
		add("response.content_part.done", object{"item_id": id, "content_index": 0, "part": textPart(w.a.Text)})
		add("response.output_item.done", object{"item": w.message(w.status(), []any{textPart(w.a.Text)})})
	}
	return b
}

func (w *responsesWire) Close() [][]byte {
	return [][]byte{w.event("response."+w.status(), object{"response": w.response(w.status(), w.items())})}
}

// Broken is an error event before the response was created, and response.failed afterwards.
func (w *responsesWire) Broken(stream bool) []byte {
	f := answer.Broken()
	failed := w.response("failed", []any{})
	failed["error"] = object{"code": f.Code, "message": f.Message}
	switch {
	case !stream:
		return exchange.JSON(failed)
	case w.open:
		return w.event("response.failed", object{"response": failed})
	default:
		return w.event("error", object{"code": f.Code, "message": f.Message, "param": nil})
	}
}

func (w *responsesWire) event(name string, more object) []byte {
	more["type"], more["sequence_number"] = name, w.seq
	w.seq++
	return exchange.Event(name, more)
}

func (w *responsesWire) status() string {
	if w.a.Stop == answer.StopLength || w.a.Stop == answer.StopFilter {
		return "incomplete"
	}
	return "completed"
}

// response is the whole object; usage is in it once it has ended well.
func (w *responsesWire) response(status string, output []any) object {
	r := object{
		"id": "resp_" + w.a.ID, "object": "response", "created_at": w.a.Created, "status": status, "model": w.a.Model,
		"output": output, "error": nil, "incomplete_details": nil, "instructions": nil, "metadata": object{},
		"parallel_tool_calls": true, "temperature": 1.0, "tool_choice": "auto", "tools": []any{}, "top_p": 1.0,
		"max_output_tokens": nil, "previous_response_id": nil, "reasoning": object{"effort": nil, "summary": nil},
		"store": false, "text": object{"format": object{"type": "text"}}, "truncation": "disabled", "usage": nil,
		"user": nil, "service_tier": "default",
	}
	switch {
	case status == "incomplete" && w.a.Stop == answer.StopLength:
		r["incomplete_details"] = object{"reason": "max_output_tokens"}
	case status == "incomplete":
		r["incomplete_details"] = object{"reason": "content_filter"}
	}
	if (status == "completed" || status == "incomplete") && w.a.Report {
		t := w.a.Tokens
		details := object{"cached_tokens": t.Cached, "cache_write_tokens": t.Written}
		r["usage"] = object{"input_tokens": t.Prompt, "input_tokens_details": details, "output_tokens": t.Completion,
			"output_tokens_details": object{"reasoning_tokens": t.Reasoning}, "total_tokens": t.Prompt + t.Completion}
	}
	return r
}

func (w *responsesWire) items() []any {
	var list []any
	if w.a.Thought != "" {
		list = append(list, w.thought())
	}
	for i := range w.a.Calls {
		list = append(list, w.call(i, "completed", w.a.Text))
	}
	if w.a.Tool == "" {
		list = append(list, w.message(w.status(), []any{textPart(w.a.Text)}))
	}
	return list
}

func (w *responsesWire) thought() object {
	item := object{"id": "rs_" + w.a.ID, "type": "reasoning", "summary": []any{}}
	if w.summary {
		item["summary"] = []any{object{"type": "summary_text", "text": w.a.Thought}}
	}
	if w.encrypted {
		item["encrypted_content"] = sealed + answer.Signature(w.a.Thought)
	}
	return item
}

func (w *responsesWire) message(status string, content []any) object {
	return object{"id": "msg_" + w.a.ID, "type": "message", "status": status, "role": "assistant", "content": content}
}

func (w *responsesWire) call(i int, status, arguments string) object {
	return object{"id": "fc_" + w.a.CallID(i), "type": "function_call", "status": status, "call_id": "call_" + w.a.CallID(i),
		"name": w.a.Tool, "arguments": arguments}
}

func textPart(text string) object {
	return object{"type": "output_text", "text": text, "annotations": []any{}, "logprobs": []any{}}
}
