package provider

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"time"
)

// garbage is what the fault of that name sends in the place of JSON.
const garbage = "<html>\x00\xfe 502 {\"id\": \"chatcmpl-"

// exchange is one request on its way through the provider.
type exchange struct {
	ledger *ledger
	w      http.ResponseWriter
	out    *http.ResponseController
	ctx    context.Context // of the request: it ends when the client goes
	entry  Entry           // what is known so far for the ledger
	answer *answer
}

// chat answers POST /v1/chat/completions.
func (p *Provider) chat(w http.ResponseWriter, r *http.Request) {
	req, err := readRequest(w, r)
	if err != nil {
		p.refuse(w, Entry{RequestID: r.Header.Get("X-Request-Id")}, err)
		return
	}
	entry := Entry{RequestID: r.Header.Get("X-Request-Id"), Model: req.Model, Stream: req.Stream}
	model, o, err := readOptions(req.Model, r.Header)
	if err == nil && !known(model) {
		err = unknownModel(model)
	}
	entry.Fault = string(o.fault)
	if err != nil {
		p.refuse(w, entry, err)
		return
	}
	answer, err := req.compose(p.answers.Add(1), model, o)
	if err != nil {
		p.refuse(w, entry, err)
		return
	}
	x := &exchange{ledger: p.ledger, w: w, out: http.NewResponseController(w), ctx: r.Context(), entry: entry, answer: answer}
	x.serve(o)
}

// refuse answers with an error and notes it in the ledger, where it is not billed.
func (p *Provider) refuse(w http.ResponseWriter, e Entry, err error) {
	var known apiError
	if !errors.As(err, &known) {
		known = apiError{status: http.StatusInternalServerError, kind: "server_error", message: err.Error()}
	}
	e.Status = known.status
	p.ledger.add(e)
	writeError(w, known)
}

// serve waits out the latency and answers, or goes wrong in the way that was asked for.
func (x *exchange) serve(o options) {
	left := x.wait(o.latency) != nil
	x.entry.ClientGone = left
	switch {
	case o.fault == faultHang:
		<-x.ctx.Done()
		x.entry.ClientGone = true
		x.ledger.add(x.entry)
		panic(http.ErrAbortHandler) // the answer never began: not even a status goes out
	case o.status != unset:
		x.entry.Status = o.status
		x.ledger.add(x.entry)
		writeError(x.w, asked(o.status))
	case x.entry.Stream:
		x.stream(o)
	default:
		x.plain(o.fault)
	}
}

// plain sends a whole answer. It is billed in full once it was composed, also when the client has left.
func (x *exchange) plain(f fault) {
	x.entry.Status = http.StatusOK
	header := x.w.Header()
	header.Set("Content-Type", "application/json")
	switch f {
	case faultGarbage:
		x.ledger.add(x.entry)
		_, _ = x.w.Write([]byte(garbage))
		return
	case faultError200, faultErrorMid:
		x.ledger.add(x.entry)
		_ = json.NewEncoder(x.w).Encode(inBody().body())
		return
	}
	body := x.answer.whole()
	header.Set("Content-Length", strconv.Itoa(len(body)))
	x.entry.Billed, x.entry.Tokens, x.entry.ServedChunks = true, x.answer.tokens, 1
	if f == faultCut {
		x.ledger.add(x.entry)
		_, _ = x.w.Write(body[:len(body)/2])
		_ = x.out.Flush()
		panic(http.ErrAbortHandler) // breaks the connection
	}
	x.entry.Reported = x.answer.report && !x.entry.ClientGone
	seq := x.ledger.add(x.entry)
	_, err := x.w.Write(body)
	if err == nil {
		err = x.out.Flush()
	}
	if err != nil {
		x.ledger.amend(seq, func(e *Entry) { e.ClientGone, e.Reported = true, false })
	}
}

// wait pauses for d, or less when the client goes.
func (x *exchange) wait(d time.Duration) error {
	if d <= 0 {
		return x.ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-x.ctx.Done():
		return x.ctx.Err()
	}
}
