package usage

import (
	"strconv"
	"time"
)

// Answer is the usage of the periods of a query, by their beginnings in RFC 3339.
type Answer struct {
	Usage map[string]Period `json:"usage"`
}

// Period is the usage of one period. The first and the last of a query may be cut
// by its start and its end.
type Period struct {
	Counters
	// Grouped are the period's groups, the dearest first; not nil.
	Grouped []Group `json:"grouped_data"`
}

// Group is the usage of the calls of one period that are alike in what the query
// groups by.
type Group struct {
	// Values are by the names of GroupBy; "" is a call that had none.
	Values map[string]string `json:"group_by_values"`
	Counters
}

// Counters are sums over calls. Refused and failed calls count too.
type Counters struct {
	CompletionsRequests   uint64 `json:"completions_requests"` // chat completions, responses, messages
	EmbeddingRequests     uint64 `json:"embedding_requests"`
	ImageRequests         uint64 `json:"image_requests"`
	SpeechRequests        uint64 `json:"speech_requests"`
	TranscriptionRequests uint64 `json:"transcription_requests"`
	TotalRequests         uint64 `json:"total_requests"` // of any kind
	Spend                 USD    `json:"spend"`
	// Tokens as OpenAI counts them: input includes what was read from and written
	// to a cache, output includes reasoning.
	InputTokens  int64 `json:"input_tokens"`
	OutputTokens int64 `json:"output_tokens"`
	TotalTokens  int64 `json:"total_tokens"`

	CachedTokens    int64  `json:"cached_tokens"`  // of input: read from the provider's cache
	CachingTokens   int64  `json:"caching_tokens"` // of input: written to it
	ReasoningTokens int64  `json:"reasoning_tokens"`
	Errors          uint64 `json:"errors"` // calls without success
	// Percentiles of latency in milliseconds, at most 1.6 % off; 0 without calls.
	P50 float64 `json:"p50_ms"`
	P95 float64 `json:"p95_ms"`
	P99 float64 `json:"p99_ms"`
}

// USD is an exact amount of dollars.
type USD struct {
	text   string // decimal; "" is 0
	quoted bool
}

// NewUSD takes an amount as decimal text without exponent, such as "-12.5".
func NewUSD(text string) USD { return USD{text: text} }

// String is the exact amount as decimal text.
func (u USD) String() string {
	if u.text == "" {
		return "0"
	}
	return u.text
}

// MarshalJSON writes all digits, as a number or, where the answer's decimals are
// quoted, as a string.
func (u USD) MarshalJSON() ([]byte, error) {
	if u.quoted {
		return strconv.AppendQuote(nil, u.String()), nil
	}
	return []byte(u.String()), nil
}

// NewAnswer returns an answer with every period of the query and nothing in it.
func NewAnswer(q *Query) *Answer {
	a := &Answer{Usage: make(map[string]Period)}
	for start := range q.periods {
		a.Usage[key(start)] = Period{Grouped: []Group{}}
	}
	return a
}

func key(start time.Time) string { return start.UTC().Format(time.RFC3339) }

// SetTotal sets a period's own counters.
func (a *Answer) SetTotal(start time.Time, c Counters) {
	p := a.Usage[key(start)]
	p.Counters = c
	a.Usage[key(start)] = p
}

// AddGroup adds a group to a period, after those that it has.
func (a *Answer) AddGroup(start time.Time, g Group) {
	p := a.Usage[key(start)]
	p.Grouped = append(p.Grouped, g)
	a.Usage[key(start)] = p
}

// QuoteDecimals makes every amount of money a JSON string.
func (a *Answer) QuoteDecimals() {
	for name, p := range a.Usage {
		p.Spend.quoted = true
		for i := range p.Grouped {
			p.Grouped[i].Spend.quoted = true
		}
		a.Usage[name] = p
	}
}
