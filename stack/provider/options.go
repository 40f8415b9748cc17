package provider

import (
	"net/http"
	"strconv"
	"strings"
	"time"
)

// fault is what goes wrong on purpose with an answer.
type fault string

const (
	faultNone     fault = ""
	faultHang     fault = "hang"     // never answers, until the client goes
	faultCut      fault = "cut"      // half the answer, then the connection breaks
	faultGarbage  fault = "garbage"  // 200 with bytes that are not JSON
	faultError200 fault = "error200" // 200 with an error in the body or in the first event
	faultNoUsage  fault = "nousage"  // a whole answer that reports no usage
	faultErrorMid fault = "errormid" // half the stream, then an error event; a plain answer is as error200
)

// unset marks a number that the caller left to be derived from the body.
const unset = -1

// maxChunks and maxTokens bound what one request can ask for.
const (
	maxChunks = 100_000
	maxTokens = 1 << 40
)

// options are the caller's wishes for one answer. Token counts are as on the wire: input includes
// cached and written, output includes reasoning. Numbers are unset (-1) unless named.
type options struct {
	latency, gap                              time.Duration
	chunks, status                            int
	input, cached, written, output, reasoning int64
	fault                                     fault
}

// headerOf lists each option with the header that sets it; the header wins over the model's name.
func headerOf() map[string]string {
	return map[string]string{
		"latency": "X-Mock-Latency", "gap": "X-Mock-Gap", "chunks": "X-Mock-Chunks", "status": "X-Mock-Status",
		"fault": "X-Mock-Fault", "in": "X-Mock-Input-Tokens", "cached": "X-Mock-Cached-Tokens",
		"write": "X-Mock-Cache-Write-Tokens", "out": "X-Mock-Output-Tokens", "reasoning": "X-Mock-Reasoning-Tokens",
	}
}

// readOptions splits a model's name ("small:chunks=32,out=64") into the model and the options of this
// request, those of the x-mock headers included. An option it does not know is an error.
func readOptions(name string, header http.Header) (model string, o options, err error) {
	o = options{chunks: unset, status: unset, input: unset, cached: unset, written: unset, output: unset, reasoning: unset}
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

func (o *options) set(option, value string) error {
	ok := false
	number := func(max int64) int64 {
		n, err := strconv.ParseInt(value, 10, 64)
		ok = err == nil && n >= 0 && n <= max
		return n
	}
	duration := func() time.Duration {
		d, err := time.ParseDuration(value)
		ok = err == nil && d >= 0
		return d
	}
	switch option {
	case "latency":
		o.latency = duration()
	case "gap":
		o.gap = duration()
	case "chunks":
		o.chunks = int(number(maxChunks))
	case "status":
		o.status = int(number(599))
		ok = ok && o.status >= 400
	case "in":
		o.input = number(maxTokens)
	case "cached":
		o.cached = number(maxTokens)
	case "write":
		o.written = number(maxTokens)
	case "out":
		o.output = number(maxTokens)
	case "reasoning":
		o.reasoning = number(maxTokens)
	case "fault":
		o.fault = fault(value)
		switch o.fault {
		case faultNone, faultHang, faultCut, faultGarbage, faultError200, faultNoUsage, faultErrorMid:
			ok = true
		}
	default:
		return invalid("model", "the mock provider knows no option %q", option)
	}
	if !ok {
		return invalid("model", "the mock provider's option %s cannot be %q", option, value)
	}
	return nil
}
