package gemini

import (
	"encoding/json"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
	"weir/stack/provider/ledger"
)

// wire writes a GenerateContentResponse, or a stream of them; its candidates take turns.
type wire struct {
	a        *answer.Answer
	list     bool // a stream is one JSON list, as Google has it without alt=sse
	thoughts bool // what was thought is shown
	sent     int  // content chunks so far
	begun    bool // the list has its bracket
}

func (w *wire) Types() (whole, stream string) {
	if w.list {
		return "application/json; charset=UTF-8", "application/json; charset=UTF-8"
	}
	return "application/json; charset=UTF-8", "text/event-stream"
}

func (w *wire) Whole() []byte {
	candidates := make([]object, w.a.Choices)
	for i := range candidates {
		parts := w.thought()
		for call := range w.a.Calls {
			parts = append(parts, w.call(call))
		}
		if w.a.Tool == "" {
			parts = append(parts, w.sign(object{"text": w.a.Text}))
		}
		candidates[i] = w.finished(i, parts)
	}
	return exchange.JSON(w.response(candidates, w.a.Tokens))
}

func (w *wire) Open() [][]byte {
	if !w.thoughts || w.a.Thought == "" {
		return nil
	}
	tokens := w.a.Tokens
	tokens.Completion = tokens.Reasoning
	var list [][]byte
	for index := range w.a.Choices {
		list = append(list, w.chunk([]object{candidate(index, w.thought())}, tokens))
	}
	return list
}

// Piece sends a function's call whole, with the last of its chunks; those before are empty.
func (w *wire) Piece(i int) []byte {
	index, k := i%w.a.Choices, i/w.a.Choices
	call, j := k/len(w.a.Pieces), k%len(w.a.Pieces)
	w.sent++
	part := object{"text": json.RawMessage(`"` + w.a.Pieces[j] + `"`)}
	if w.a.Tool != "" {
		if j < len(w.a.Pieces)-1 {
			return nil
		}
		part = w.call(call)
	}
	return w.chunk([]object{candidate(index, []object{part})}, w.a.Produced(w.sent))
}

func (w *wire) Close() [][]byte {
	candidates := make([]object, w.a.Choices)
	for i := range candidates {
		part := object{"text": ""}
		if w.a.Tool == "" {
			part = w.sign(part)
		}
		candidates[i] = w.finished(i, []object{part})
	}
	last := w.chunk(candidates, w.a.Tokens)
	if w.list {
		last = append(last, "]\n"...)
	}
	return [][]byte{last}
}

func (w *wire) Broken(stream bool) []byte {
	body := errorBody(answer.Broken())
	switch {
	case !stream:
		return exchange.JSON(body)
	case w.list:
		return append(w.element(body), "]\n"...)
	default:
		return exchange.Event("", body)
	}
}

// chunk is one response of a stream.
func (w *wire) chunk(candidates []object, t ledger.Tokens) []byte {
	r := w.response(candidates, t)
	if w.list {
		return w.element(r)
	}
	return exchange.Event("", r)
}

// element is one entry of the list that a stream is.
func (w *wire) element(v object) []byte {
	before := "["
	if w.begun {
		before = ",\r\n"
	}
	w.begun = true
	return append(append([]byte(before), exchange.JSON(v)...), '\n')
}

func (w *wire) response(candidates []object, t ledger.Tokens) object {
	r := object{"candidates": candidates, "modelVersion": w.a.Model, "responseId": w.a.ID}
	if w.a.Report {
		r["usageMetadata"] = usage(t)
	}
	return r
}

// usage is Google's: thoughts are beside the candidates, what tools put in is beside the prompt.
func usage(t ledger.Tokens) object {
	u := object{"promptTokenCount": t.Prompt - t.ToolUse, "candidatesTokenCount": t.Completion - t.Reasoning,
		"totalTokenCount":     t.Prompt + t.Completion,
		"promptTokensDetails": []object{{"modality": "TEXT", "tokenCount": t.Prompt - t.ToolUse}}}
	for name, n := range map[string]int64{"cachedContentTokenCount": t.Cached, "thoughtsTokenCount": t.Reasoning, "toolUsePromptTokenCount": t.ToolUse} {
		if n > 0 {
			u[name] = n
		}
	}
	return u
}

func candidate(index int, parts []object) object {
	return object{"content": object{"role": "model", "parts": parts}, "index": index}
}

// finished is a candidate at its end, with the searches that it was grounded in.
func (w *wire) finished(index int, parts []object) object {
	c := candidate(index, parts)
	c["finishReason"] = "STOP"
	switch w.a.Stop {
	case answer.StopLength:
		c["finishReason"] = "MAX_TOKENS"
	case answer.StopFilter:
		c["finishReason"] = "SAFETY"
		c["safetyRatings"] = []object{{"category": "HARM_CATEGORY_DANGEROUS_CONTENT", "probability": "HIGH", "blocked": true}}
	}
	if n := int(min(w.a.Units.Searches, 100)); n > 0 {
		queries := make([]string, n)
		for i := range queries {
			queries[i] = "mock search"
		}
		c["groundingMetadata"] = object{"webSearchQueries": queries,
			"groundingChunks": []object{{"web": object{"uri": "https://mock.invalid/", "title": "mock"}}}}
	}
	return c
}

func (w *wire) thought() []object {
	if !w.thoughts || w.a.Thought == "" {
		return nil
	}
	return []object{{"text": w.a.Thought, "thought": true}}
}

// call is the i-th function call; the first has the signature of the thought.
func (w *wire) call(i int) object {
	part := object{"functionCall": object{"name": w.a.Tool, "args": json.RawMessage(w.a.Text)}}
	if i == 0 {
		return w.sign(part)
	}
	return part
}

func (w *wire) sign(part object) object {
	if w.a.Thought != "" {
		part["thoughtSignature"] = answer.Signature(w.a.Thought)
	}
	return part
}

// countWire answers with the number of tokens alone.
type countWire struct{ a *answer.Answer }

func (*countWire) Types() (whole, stream string) { return "application/json; charset=UTF-8", "" }
func (*countWire) Open() [][]byte                { return nil }
func (*countWire) Piece(int) []byte              { return nil }
func (*countWire) Close() [][]byte               { return nil }
func (*countWire) Broken(bool) []byte            { return exchange.JSON(errorBody(answer.Broken())) }

func (w *countWire) Whole() []byte {
	return exchange.JSON(object{"totalTokens": w.a.Tokens.Prompt,
		"promptTokensDetails": []object{{"modality": "TEXT", "tokenCount": w.a.Tokens.Prompt}}})
}
