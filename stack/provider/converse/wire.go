package converse

import (
	"encoding/json"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

// wire writes the output of Converse, or the events of ConverseStream.
type wire struct {
	a    *answer.Answer
	open bool // the stream has begun
}

func (*wire) Types() (whole, stream string) {
	return "application/json", "application/vnd.amazon.eventstream"
}

func (w *wire) Whole() []byte {
	var content []object
	if w.a.Thought != "" {
		content = append(content, object{"reasoningContent": object{"reasoningText": object{"text": w.a.Thought, "signature": answer.Signature(w.a.Thought)}}})
	}
	for i := range w.a.Calls {
		content = append(content, object{"toolUse": object{"toolUseId": w.id(i), "name": w.a.Tool, "input": json.RawMessage(w.a.Text)}})
	}
	if w.a.Tool == "" {
		content = append(content, object{"text": w.a.Text})
	}
	body := object{"output": object{"message": object{"role": "assistant", "content": content}}, "stopReason": w.stop(),
		"metrics": object{"latencyMs": 1}}
	if w.a.Report {
		body["usage"] = w.usage()
	}
	return exchange.JSON(body)
}

// Open has no contentBlockStart for the thought, as Bedrock has none for blocks without a name.
func (w *wire) Open() [][]byte {
	w.open = true
	list := [][]byte{event("messageStart", exchange.JSON(object{"role": "assistant"}))}
	if w.a.Thought == "" {
		return list
	}
	half := len(w.a.Thought) / 2
	reasoning := func(delta object) []byte { return deltaOf(0, object{"reasoningContent": delta}) }
	return append(list, reasoning(object{"text": w.a.Thought[:half]}), reasoning(object{"text": w.a.Thought[half:]}),
		reasoning(object{"signature": answer.Signature(w.a.Thought)}), stopBlock(0))
}

func (w *wire) Piece(i int) []byte {
	call, j := i/len(w.a.Pieces), i%len(w.a.Pieces)
	index := call
	if w.a.Thought != "" {
		index++
	}
	piece := json.RawMessage(`"` + w.a.Pieces[j] + `"`)
	delta := object{"text": piece}
	var b []byte
	if w.a.Tool != "" {
		delta = object{"toolUse": object{"input": piece}}
		if j == 0 {
			b = append(b, event("contentBlockStart", exchange.JSON(object{"contentBlockIndex": index,
				"start": object{"toolUse": object{"toolUseId": w.id(call), "name": w.a.Tool}}}))...)
		}
	}
	b = append(b, deltaOf(index, delta)...)
	if j == len(w.a.Pieces)-1 {
		b = append(b, stopBlock(index)...)
	}
	return b
}

func (w *wire) Close() [][]byte {
	metadata := object{"metrics": object{"latencyMs": 1}}
	if w.a.Report {
		metadata["usage"] = w.usage()
	}
	return [][]byte{
		event("messageStop", exchange.JSON(object{"stopReason": w.stop()})),
		event("metadata", exchange.JSON(metadata)),
	}
}

// Broken is throttling before the stream has begun, and an error of the model's stream afterwards.
func (w *wire) Broken(stream bool) []byte {
	switch {
	case !stream:
		return exchange.JSON(object{"message": answer.Broken().Message})
	case w.open:
		return exceptionFrame("modelStreamErrorException", exchange.JSON(object{"message": answer.Broken().Message,
			"originalStatusCode": 500, "originalMessage": "mock"}))
	default:
		return exceptionFrame("throttlingException", exchange.JSON(object{"message": "Too many requests, please wait before trying again."}))
	}
}

func (w *wire) id(i int) string { return "tooluse_" + w.a.CallID(i) }

func (w *wire) stop() string {
	switch w.a.Stop {
	case answer.StopLength:
		return "max_tokens"
	case answer.StopTool:
		return "tool_use"
	case answer.StopFilter:
		return "content_filtered"
	case answer.StopSequence:
		return "stop_sequence"
	default:
		return "end_turn"
	}
}

// usage is Bedrock's: the input is without what the cache had or got; the total is of everything.
func (w *wire) usage() object {
	t := w.a.Tokens
	u := object{"inputTokens": t.Prompt - t.Cached - t.Written, "outputTokens": t.Completion, "totalTokens": t.Prompt + t.Completion,
		"cacheReadInputTokens": t.Cached, "cacheWriteInputTokens": t.Written}
	var details []object
	if t.Written1h > 0 {
		details = append(details, object{"ttl": "1h", "inputTokens": t.Written1h})
	}
	if n := t.Written - t.Written1h; n > 0 {
		details = append(details, object{"ttl": "5m", "inputTokens": n})
	}
	if details != nil {
		u["cacheDetails"] = details
	}
	return u
}

func deltaOf(index int, delta object) []byte {
	return event("contentBlockDelta", exchange.JSON(object{"contentBlockIndex": index, "delta": delta}))
}

func stopBlock(index int) []byte {
	return event("contentBlockStop", exchange.JSON(object{"contentBlockIndex": index}))
}
