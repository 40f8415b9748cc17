// Package answer decides what the mock provider answers, without knowing in which protocol: it reads the
// options of a request, settles the counts, and composes text, thoughts, tool calls and structured
// output. The protocols turn their bodies into a Wish and write the Answer down in their own shapes.
//
// Guarantee: equal wishes get equal answers and counts, but for the number and the time. Concurrency:
// nothing is shared. Failure: what cannot be is a Failure with the status, the field and the reason, which each
// protocol reports as its own error.
package answer

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Fault is what goes wrong on purpose with an answer.
type Fault string

// The faults that can be asked for.
const (
	FaultNone     Fault = ""
	FaultHang     Fault = "hang"     // never answers, until the client goes
	FaultCut      Fault = "cut"      // half the answer, then the connection breaks
	FaultGarbage  Fault = "garbage"  // 200 with bytes that are not JSON
	FaultError200 Fault = "error200" // 200 with an error in the body or in the first event
	FaultNoUsage  Fault = "nousage"  // a whole answer that reports no usage
	FaultErrorMid Fault = "errormid" // half the stream, then an error event; a plain answer is as error200
)

// Stop is why an answer ends, in no protocol's words.
type Stop string

// The reasons that an answer can end for.
const (
	StopEnd      Stop = "end"
	StopLength   Stop = "length"   // the limit of the request
	StopTool     Stop = "tool"     // a tool is called
	StopFilter   Stop = "filter"   // the provider's filter of contents
	StopSequence Stop = "sequence" // a stop sequence of the request
)

// Unset marks a number that the caller left to be derived from the body.
const Unset = -1

// maxChunks, maxTokens and maxCalls bound what one request can ask for.
const (
	maxChunks = 100_000
	maxTokens = 1 << 40
	maxCalls  = 16
)

// Options are the caller's wishes for one answer. Token counts are as in the ledger: input includes
// cached, written and tool use, output includes reasoning. Numbers are Unset unless named.
type Options struct {
	Latency, Gap   time.Duration
	Chunks, Status int
	Fault          Fault

	input, cached, written, written1h, toolUse, output, reasoning int64
	searches, seconds                                             int64

	calls    int
	stop     Stop   // "" for what the answer comes to by itself
	usage    string // of a transcription: "tokens" or "duration", "" for what its format implies
	thoughts bool   // thoughts are shown also where the protocol usually hides them
}

// headerOf lists each option with the header that sets it; the header wins over the model's name.
func headerOf() map[string]string {
	return map[string]string{
		"latency": "X-Mock-Latency", "gap": "X-Mock-Gap", "chunks": "X-Mock-Chunks", "status": "X-Mock-Status",
		"fault": "X-Mock-Fault", "in": "X-Mock-Input-Tokens", "cached": "X-Mock-Cached-Tokens",
		"write": "X-Mock-Cache-Write-Tokens", "write1h": "X-Mock-Cache-Write-1h-Tokens", "tooluse": "X-Mock-Tool-Use-Tokens",
		"out": "X-Mock-Output-Tokens", "reasoning": "X-Mock-Reasoning-Tokens", "searches": "X-Mock-Searches",
		"seconds": "X-Mock-Seconds", "calls": "X-Mock-Calls", "stop": "X-Mock-Stop", "usage": "X-Mock-Usage",
		"thoughts": "X-Mock-Thoughts",
	}
}

// ReadOptions splits a model's name ("small:chunks=32,out=64") into the model and the options of this
// request, those of the x-mock headers included. An option it does not know is a Failure.
func ReadOptions(name string, header http.Header) (model string, o Options, err error) {
	o = Options{Chunks: Unset, Status: Unset, input: Unset, cached: Unset, written: Unset, written1h: Unset, toolUse: Unset,
		output: Unset, reasoning: Unset, searches: Unset, seconds: Unset, calls: 1}
	model, list, _ := strings.Cut(name, ":")
	for pair := range strings.SplitSeq(list, ",") {
		if pair == "" {
			continue
		}
		key, value, _ := strings.Cut(pair, "=")
		if err := o.set(strings.TrimSpace(key), strings.TrimSpace(value)); err != nil {
			return model, o, err
		}
	}
	for option, headerName := range headerOf() {
		if value := header.Get(headerName); value != "" {
			if err := o.set(option, value); err != nil {
				return model, o, err
			}
		}
	}
	return model, o, nil
}

func (o *Options) set(option, value string) error {
	ok := false
	number := func(least, most int64) int64 {
		n, err := strconv.ParseInt(value, 10, 64)
		ok = err == nil && n >= least && n <= most
		return n
	}
	tokens := func() int64 { return number(0, maxTokens) }
	duration := func() time.Duration {
		d, err := time.ParseDuration(value)
		ok = err == nil && d >= 0
		return d
	}
	switch option {
	case "latency":
		o.Latency = duration()
	case "gap":
		o.Gap = duration()
	case "chunks":
		o.Chunks = int(number(0, maxChunks))
	case "status":
		o.Status = int(number(400, 599))
	case "in":
		o.input = tokens()
	case "cached":
		o.cached = tokens()
	case "write":
		o.written = tokens()
	case "write1h":
		o.written1h = tokens()
	case "tooluse":
		o.toolUse = tokens()
	case "out":
		o.output = tokens()
	case "reasoning":
		o.reasoning = tokens()
	case "searches":
		o.searches = tokens()
	case "seconds":
		o.seconds = tokens()
	case "calls":
		o.calls = int(number(1, maxCalls))
	case "stop":
		o.stop = Stop(value)
		ok = slices.Contains([]Stop{StopEnd, StopLength, StopTool, StopFilter, StopSequence}, o.stop)
	case "usage":
		o.usage = value
		ok = value == "tokens" || value == "duration"
	case "thoughts":
		o.thoughts = value == "on"
		ok = o.thoughts || value == "off"
	case "fault":
		o.Fault = Fault(value)
		ok = slices.Contains([]Fault{FaultNone, FaultHang, FaultCut, FaultGarbage, FaultError200, FaultNoUsage, FaultErrorMid}, o.Fault)
	default:
		return Invalid("model", "the mock provider knows no option %q", option)
	}
	if !ok {
		return Invalid("model", "the mock provider's option %s cannot be %q", option, value)
	}
	return nil
}
