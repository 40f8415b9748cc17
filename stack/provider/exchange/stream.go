package exchange

import (
	"net/http"

	"weir/stack/provider/answer"
	"weir/stack/provider/ledger"
)

// stream sends the answer event by event, one write and one flush each. When the client goes, generation
// stops, and what was produced until then is billed.
func (x *exchange) stream(o answer.Options) {
	x.entry.Status = http.StatusOK
	header := x.w.Header()
	_, kind := x.wire.Types()
	header.Set("Content-Type", kind)
	header.Set("Cache-Control", "no-cache")
	switch o.Fault {
	case answer.FaultGarbage:
		x.ledger.Add(x.entry)
		_ = x.send([]byte("data: " + garbage + "\n\ndata: 1, 2\n\n" + garbage + "\n\n"))
		return
	case answer.FaultError200:
		x.ledger.Add(x.entry)
		_ = x.send(orAbort(x.wire.Broken(true)))
		return
	}
	x.entry.Billed = true
	content := x.answer.Chunks()
	if o.Fault == answer.FaultCut || o.Fault == answer.FaultErrorMid {
		content /= 2
	}
	err := x.content(content, o)
	x.entry.Tokens, x.entry.Units = x.answer.Produced(x.entry.ServedChunks), x.answer.Units
	if err != nil {
		x.entry.ClientGone = true
		x.ledger.Add(x.entry)
		return
	}
	switch o.Fault {
	case answer.FaultCut:
		x.ledger.Add(x.entry)
		panic(http.ErrAbortHandler) // breaks the connection
	case answer.FaultErrorMid:
		x.ledger.Add(x.entry)
		_ = x.send(orAbort(x.wire.Broken(true)))
		return
	}
	x.finish()
}

// content sends what opens the stream and the first limit content chunks.
func (x *exchange) content(limit int, o answer.Options) error {
	for _, event := range x.wire.Open() {
		if err := x.send(event); err != nil {
			return err
		}
	}
	for x.entry.ServedChunks < limit {
		if x.entry.ServedChunks > 0 && o.Gap > 0 {
			if err := x.wait(o.Gap); err != nil {
				return err
			}
		}
		if err := x.send(x.wire.Piece(x.entry.ServedChunks)); err != nil {
			return err
		}
		x.entry.ServedChunks++
	}
	return nil
}

// finish sends what closes the stream; the entry is made before the last write.
func (x *exchange) finish() {
	closing := x.wire.Close()
	if len(closing) == 0 {
		x.entry.Reported = x.answer.Report
		x.ledger.Add(x.entry)
		return
	}
	last := len(closing) - 1
	for _, event := range closing[:last] {
		if err := x.send(event); err != nil {
			x.entry.ClientGone = true
			x.ledger.Add(x.entry)
			return
		}
	}
	x.entry.Reported = x.answer.Report
	seq := x.ledger.Add(x.entry)
	if err := x.send(closing[last]); err != nil {
		x.ledger.Amend(seq, func(e *ledger.Entry) { e.ClientGone, e.Reported = true, false })
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
