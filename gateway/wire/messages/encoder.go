package messages

import (
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// encoder writes a translated stream.
type encoder struct {
	to      *wire.Reply
	started bool
	blocks  int64 // that were begun
	open    bool
	kind    genai.PartKind
	from    string // the protocol whose thinking is open
	proved  bool   // a signature of it has begun
	called  bool
	stop    genai.Stop
	seq     string
	tier    string
}

// Encode appends what a client is told of an event. There is one choice: the table
// refuses several.
func (w *encoder) Encode(out []byte, e *genai.Event) []byte {
	if e.ServiceTier != "" {
		w.tier = e.ServiceTier
	}
	if e.Choice != 0 {
		return out
	}
	j := wire.JSON(out)
	switch e.Kind {
	case genai.Ping:
		return append(out, "event: ping\ndata: {\"type\": \"ping\"}\n\n"...)
	case genai.Start:
		w.start(&j, e.ID, e.Usage)
	case genai.PartStart:
		w.begin(&j, &e.Part)
	case genai.Delta:
		w.delta(&j, e)
	case genai.PartEnd:
		if w.kind != genai.Thinking || w.proved { // else a signed call may follow
			w.end(&j)
		}
	case genai.Finish:
		w.stop, w.seq = e.Stop, e.StopSequence
	}
	return j
}

// event opens an event and its data.
func event(j *wire.JSON, name string) {
	*j = append(*j, "event: "...)
	*j = append(*j, name...)
	*j = append(*j, "\ndata: "...)
	j.Open("", '{')
	j.Text("type", name)
}

func endEvent(j *wire.JSON) { *j = append(*j, "}\n\n"...) }

func (w *encoder) start(j *wire.JSON, id string, usage genai.Usage) {
	if w.started {
		return
	}
	w.started = true
	event(j, "message_start")
	appendHead(j, "message", messageID(id, w.to), w.to)
	j.Raw("content", []byte("[]"))
	j.Null("stop_reason")
	j.Null("stop_sequence")
	j.Raw("usage", appendUsage(nil, usage, nil, w.tier))
	j.Close('}')
	endEvent(j)
}

func (w *encoder) begin(j *wire.JSON, p *genai.Part) {
	w.start(j, "", genai.Usage{})
	if proof := callProof(p.Call); proof != nil {
		w.sign(j, proof)
	}
	w.end(j)
	switch p.Kind {
	case genai.Audio, genai.File:
		return // no place for them, see appendBlock
	case genai.ServerTool:
		if p.From != genai.Anthropic || p.Raw == nil {
			return
		}
	}
	w.open, w.kind, w.from, w.proved = true, p.Kind, "", false
	event(j, "content_block_start")
	j.Int("index", w.blocks)
	w.blocks++
	*j = append(*j, `,"content_block":`...)
	switch p.Kind {
	case genai.Call:
		w.called = true
		j.Open("", '{')
		j.Text("type", "tool_use")
		j.Text("id", wire.CallID(p.Call.ID))
		j.Text("name", p.Call.Name)
		j.Raw("input", []byte("{}"))
		j.Close('}')
	case genai.Thinking:
		if p.Proof != nil {
			w.from = p.Proof.From
		}
		encodeThought(j, p)
		w.proved = !unproved(p)
	case genai.Text, genai.Refusal:
		w.kind = genai.Text
		j.Raw("", []byte(`{"type":"text","text":""}`))
	default:
		encodePart(j, p)
	}
	endEvent(j)
	if p.Kind == genai.Call && p.Call.Arguments != "" {
		w.piece(j, "input_json_delta", "partial_json", p.Call.Arguments)
	}
}

// sign tells the signature of the call that is about to begin, with the thinking before
// it or with a block for nothing else.
func (w *encoder) sign(j *wire.JSON, proof *genai.Proof) {
	if w.open && w.kind == genai.Thinking && !w.proved {
		w.proved = true
		w.piece(j, "signature_delta", "signature", signature(proof))
		return
	}
	w.begin(j, &genai.Part{Kind: genai.Thinking, Proof: proof})
}

func (w *encoder) end(j *wire.JSON) {
	if !w.open {
		return
	}
	w.open = false
	event(j, "content_block_stop")
	j.Int("index", w.blocks-1)
	endEvent(j)
}

func (w *encoder) delta(j *wire.JSON, e *genai.Event) {
	if !w.open {
		return
	}
	switch {
	case e.Delta == genai.DeltaText && w.kind == genai.Text:
		w.piece(j, "text_delta", "text", e.Text)
	case e.Delta == genai.DeltaText && w.kind == genai.Thinking:
		w.piece(j, "thinking_delta", "thinking", e.Text)
	case e.Delta == genai.DeltaArguments && w.kind == genai.Call:
		w.piece(j, "input_json_delta", "partial_json", e.Text)
	case e.Delta == genai.DeltaSignature && w.kind == genai.Thinking:
		text := e.Text
		if !w.proved { // the first piece says whose it is
			text = signature(&genai.Proof{Signature: text, From: w.from})
			w.proved = true
		}
		w.piece(j, "signature_delta", "signature", text)
	case e.Delta == genai.DeltaCitation && w.kind == genai.Text && e.Citation != nil:
		event(j, "content_block_delta")
		j.Int("index", w.blocks-1)
		j.Open("delta", '{')
		j.Text("type", "citations_delta")
		appendCitation(j, "citation", e.Citation)
		j.Close('}')
		endEvent(j)
	}
}

func (w *encoder) piece(j *wire.JSON, kind, name, text string) {
	event(j, "content_block_delta")
	j.Int("index", w.blocks-1)
	j.Open("delta", '{')
	j.Text("type", kind)
	j.Text(name, text)
	j.Close('}')
	endEvent(j)
}

// AppendEnd appends message_delta with the usage and the bill, and message_stop.
func (w *encoder) AppendEnd(out []byte, usage genai.Usage, bill *wire.Bill) []byte {
	j := wire.JSON(out)
	w.start(&j, "", genai.Usage{})
	w.end(&j)
	sequence := "null"
	if w.seq != "" {
		sequence = string(jsonscan.AppendString(nil, w.seq))
	}
	out = appendMessageDelta(j, `"`+stopReason(w.stop, w.called)+`"`, sequence, usage, bill, w.tier)
	return append(out, "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n"...)
}

// appendMessageDelta appends the event that has the usage; reason and sequence
// are JSON.
func appendMessageDelta(out []byte, reason, sequence string, usage genai.Usage, bill *wire.Bill, tier string) []byte {
	j := wire.JSON(out)
	event(&j, "message_delta")
	j.Open("delta", '{')
	j.Raw("stop_reason", []byte(reason))
	j.Raw("stop_sequence", []byte(sequence))
	j.Close('}')
	j.Raw("usage", appendUsage(nil, usage, bill, tier))
	endEvent(&j)
	return j
}
