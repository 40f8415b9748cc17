package provider

import (
	"encoding/json"
	"net/http"
	"strconv"
)

// frames are the constant parts of a stream's events, put together once an answer.
type frames struct {
	head string // up to and including `"choices":[`
	tail string // from the end of the choices to the blank line
	buf  []byte // of the event being written
}

func (x *exchange) frames(withUsage bool) *frames {
	f := &frames{head: "data: " + x.answer.head("chat.completion.chunk") + `,"choices":[`, tail: "]}\n\n"}
	if withUsage {
		f.tail = `],"usage":null}` + "\n\n"
	}
	return f
}

// event is a chunk with one choice; delta is an object, finish a JSON string or null.
func (f *frames) event(index int, delta, piece, deltaEnd, finish string) []byte {
	f.buf = append(f.buf[:0], f.head...)
	f.buf = append(f.buf, `{"index":`...)
	f.buf = strconv.AppendInt(f.buf, int64(index), 10)
	f.buf = append(f.buf, `,"delta":`...)
	f.buf = append(f.buf, delta...)
	f.buf = append(f.buf, piece...)
	f.buf = append(f.buf, deltaEnd...)
	f.buf = append(f.buf, `,"logprobs":null,"finish_reason":`...)
	f.buf = append(f.buf, finish...)
	f.buf = append(f.buf, '}')
	f.buf = append(f.buf, f.tail...)
	return f.buf
}

// stream sends the answer as server-sent events, one write and one flush each. When the client goes,
// generation stops, and what was produced until then is billed.
func (x *exchange) stream(o options) {
	x.entry.Status = http.StatusOK
	header := x.w.Header()
	header.Set("Content-Type", "text/event-stream; charset=utf-8")
	header.Set("Cache-Control", "no-cache")
	switch o.fault {
	case faultGarbage:
		x.ledger.add(x.entry)
		_ = x.send([]byte("data: " + garbage + "\n\ndata: 1, 2\n\n" + garbage + "\n\n"))
		return
	case faultError200:
		x.ledger.add(x.entry)
		_ = x.send(errorEvent())
		return
	}
	x.entry.Billed = true
	content := len(x.answer.pieces) * x.answer.choices
	if o.fault == faultCut || o.fault == faultErrorMid {
		content /= 2
	}
	events := x.frames(x.answer.report)
	err := x.content(events, content, o)
	x.entry.Tokens = x.answer.produced(x.entry.ServedChunks)
	if err != nil {
		x.entry.ClientGone = true
		x.ledger.add(x.entry)
		return
	}
	switch o.fault {
	case faultCut:
		x.ledger.add(x.entry)
		panic(http.ErrAbortHandler) // breaks the connection
	case faultErrorMid:
		x.ledger.add(x.entry)
		_ = x.send(errorEvent())
		return
	}
	x.finish(events)
}

// content sends the first limit content events, taking turns between the choices.
func (x *exchange) content(events *frames, limit int, o options) error {
	delta, deltaEnd := `{"content":"`, `"}`
	opening := `{"role":"assistant","content":"","refusal":null}`
	if x.answer.tool != "" {
		opening = `{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"` + x.answer.callID() +
			`","type":"function","function":{"name":"` + quoted(x.answer.tool) + `","arguments":""}}]}`
		delta, deltaEnd = `{"tool_calls":[{"index":0,"function":{"arguments":"`, `"}}]}`
	}
	for index := range x.answer.choices {
		if err := x.send(events.event(index, opening, "", "", "null")); err != nil {
			return err
		}
	}
	for x.entry.ServedChunks < limit {
		if x.entry.ServedChunks > 0 && o.gap > 0 {
			if err := x.wait(o.gap); err != nil {
				return err
			}
		}
		index, piece := x.entry.ServedChunks%x.answer.choices, x.answer.pieces[x.entry.ServedChunks/x.answer.choices]
		if err := x.send(events.event(index, delta, piece, deltaEnd, "null")); err != nil {
			return err
		}
		x.entry.ServedChunks++
	}
	return nil
}

// finish sends the finish reasons, the usage if it was asked for, and the end.
func (x *exchange) finish(events *frames) {
	for index := range x.answer.choices {
		if err := x.send(events.event(index, "{}", "", "", `"`+x.answer.finish+`"`)); err != nil {
			x.entry.ClientGone = true
			x.ledger.add(x.entry)
			return
		}
	}
	x.entry.Reported = x.answer.report
	seq := x.ledger.add(x.entry)
	end := "data: [DONE]\n\n"
	if x.answer.report {
		end = events.head + `],"usage":` + x.answer.usage() + "}\n\n" + end
	}
	if err := x.send([]byte(end)); err != nil {
		x.ledger.amend(seq, func(e *Entry) { e.ClientGone, e.Reported = true, false })
	}
}

// send writes and flushes one event; an error means that the client has gone.
func (x *exchange) send(event []byte) error {
	if err := x.ctx.Err(); err != nil {
		return err
	}
	if _, err := x.w.Write(event); err != nil {
		return err
	}
	return x.out.Flush()
}

func errorEvent() []byte {
	text, _ := json.Marshal(inBody().body()) // plain strings always marshal
	return []byte("data: " + string(text) + "\n\n")
}
