// Package exchange leads one request through the mock provider in any protocol: it reads the body, has it
// understood and answered, goes wrong on purpose where that was asked for, and writes the ledger.
//
// Guarantee: an answer stands in the ledger before its last byte is written, with what was produced until
// then; a write that fails afterwards amends the entry. Concurrency: a Desk serves any number of requests
// at once; the ledger and a counter are all they share. Failure: what a protocol refuses is answered in
// its own shape and noted unbilled.
package exchange

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync/atomic"
	"time"

	"weir/stack/provider/answer"
	"weir/stack/provider/ledger"
)

// maxBody is the most bytes of a request body that are read; more is answered 413.
const maxBody = 64 << 20

// garbage is what the fault of that name sends in the place of an answer.
const garbage = "<html>\x00\xfe 502 {\"id\": \"chatcmpl-"

// Desk is where requests of all protocols come in.
type Desk struct {
	Ledger  *ledger.Ledger
	Models  []string
	answers atomic.Int64 // numbers the answers' ids
}

// Protocol is how a provider is spoken to at one path.
type Protocol struct {
	// Name is what the ledger calls it.
	Name string
	// Read understands a request. What it refuses is an answer.Failure; the Wish is as far as it came.
	Read func(r *http.Request, body []byte) (answer.Wish, Writer, error)
	// Refuse is the body of an error answer, with the headers that belong to it.
	Refuse func(r *http.Request, header http.Header, f answer.Failure) []byte
}

// Writer makes the Wire of an answer once it is settled.
type Writer func(*answer.Answer) Wire

// Wire is one answer in the shape of a protocol. Its methods are called in the order of the stream and
// by one goroutine, so that it may count what it has written.
type Wire interface {
	// Types are the content types of the answer as a whole and as a stream.
	Types() (whole, stream string)
	// Whole is the plain answer.
	Whole() []byte
	// Open is what comes before the content of a stream, one write each.
	Open() [][]byte
	// Piece is the content chunk number i of answer.Chunks.
	Piece(i int) []byte
	// Close is what comes after the content; the last write completes the report of usage.
	Close() [][]byte
	// Broken is the error that comes under status 200: as a body, or as an event of a stream. Nil says
	// that the protocol has no such thing, and the connection breaks instead.
	Broken(stream bool) []byte
}

// exchange is one request on its way.
type exchange struct {
	ledger *ledger.Ledger
	w      http.ResponseWriter
	r      *http.Request
	out    *http.ResponseController
	ctx    context.Context // of the request: it ends when the client goes
	entry  ledger.Entry    // what is known so far for the ledger
	answer *answer.Answer
	wire   Wire
}

// Handle is the handler of one protocol.
func (d *Desk) Handle(p Protocol) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		entry := ledger.Entry{RequestID: r.Header.Get("X-Request-Id"), Protocol: p.Name}
		x := &exchange{ledger: d.Ledger, w: w, r: r, out: http.NewResponseController(w), ctx: r.Context(), entry: entry}
		o, err := d.settle(x, p)
		if err != nil {
			x.refuse(p, err)
			return
		}
		x.serve(p, o)
	}
}

// settle reads the request up to the answer that it gets.
func (d *Desk) settle(x *exchange, p Protocol) (answer.Options, error) {
	body, err := readBody(x.w, x.r)
	if err != nil {
		return answer.Options{}, err
	}
	wish, write, err := p.Read(x.r, body)
	x.entry.Model, x.entry.Stream = wish.Model, wish.Stream
	if err != nil {
		return answer.Options{}, err
	}
	model, o, err := answer.ReadOptions(wish.Model, x.r.Header)
	x.entry.Fault = string(o.Fault)
	if err == nil && !slices.Contains(d.Models, model) {
		err = answer.UnknownModel(model)
	}
	if err != nil {
		return o, err
	}
	x.answer, err = wish.Compose(d.answers.Add(1), model, o)
	if err != nil {
		return o, err
	}
	x.wire = write(x.answer)
	return o, nil
}

func readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxBody))
	if tooLarge := (*http.MaxBytesError)(nil); errors.As(err, &tooLarge) {
		return nil, answer.Failure{Status: http.StatusRequestEntityTooLarge, Kind: "invalid_request_error", Message: "request body too large"}
	}
	if err != nil {
		return nil, answer.Invalid("", "the request body could not be read: %v", err)
	}
	return body, nil
}

// refuse answers with an error and notes it in the ledger, where it is not billed.
func (x *exchange) refuse(p Protocol, err error) {
	var f answer.Failure
	if !errors.As(err, &f) {
		f = answer.Failure{Status: http.StatusInternalServerError, Kind: "server_error", Message: err.Error()}
	}
	x.entry.Status = f.Status
	x.ledger.Add(x.entry)
	WriteRefusal(x.w, x.r, p, f)
}

// WriteRefusal answers f in the shape of p.
func WriteRefusal(w http.ResponseWriter, r *http.Request, p Protocol, f answer.Failure) {
	header := w.Header()
	header.Set("Content-Type", "application/json")
	if f.Status == http.StatusTooManyRequests {
		header.Set("Retry-After", "1")
	}
	body := p.Refuse(r, header, f)
	w.WriteHeader(f.Status)
	_, _ = w.Write(body)
}

// serve waits out the latency and answers, or goes wrong in the way that was asked for.
func (x *exchange) serve(p Protocol, o answer.Options) {
	left := x.wait(o.Latency) != nil
	x.entry.ClientGone = left
	switch {
	case o.Fault == answer.FaultHang:
		<-x.ctx.Done()
		x.entry.ClientGone = true
		x.ledger.Add(x.entry)
		panic(http.ErrAbortHandler) // the answer never began: not even a status goes out
	case o.Status != answer.Unset:
		x.refuse(p, answer.Asked(o.Status))
	case x.entry.Stream:
		x.stream(o)
	default:
		x.plain(o.Fault)
	}
}

// plain sends a whole answer. It is billed in full once it was composed, also when the client has left.
func (x *exchange) plain(f answer.Fault) {
	x.entry.Status = http.StatusOK
	header := x.w.Header()
	kind, _ := x.wire.Types()
	header.Set("Content-Type", kind)
	switch f {
	case answer.FaultGarbage:
		x.ledger.Add(x.entry)
		_, _ = x.w.Write([]byte(garbage))
		return
	case answer.FaultError200, answer.FaultErrorMid:
		x.ledger.Add(x.entry)
		_, _ = x.w.Write(orAbort(x.wire.Broken(false)))
		return
	}
	body := x.wire.Whole()
	header.Set("Content-Length", strconv.Itoa(len(body)))
	x.entry.ServedChunks = 1
	if !x.answer.Free {
		x.entry.Billed, x.entry.Tokens, x.entry.Units = true, x.answer.Tokens, x.answer.Units
	}
	if f == answer.FaultCut {
		x.ledger.Add(x.entry)
		_, _ = x.w.Write(body[:len(body)/2])
		_ = x.out.Flush()
		panic(http.ErrAbortHandler) // breaks the connection
	}
	x.entry.Reported = x.answer.Report && !x.entry.ClientGone
	seq := x.ledger.Add(x.entry)
	_, err := x.w.Write(body)
	if err == nil {
		err = x.out.Flush()
	}
	if err != nil {
		x.ledger.Amend(seq, func(e *ledger.Entry) { e.ClientGone, e.Reported = true, false })
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

// orAbort breaks the connection where there is nothing to send.
func orAbort(body []byte) []byte {
	if body == nil {
		panic(http.ErrAbortHandler)
	}
	return body
}
