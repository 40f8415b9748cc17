package answer

import (
	"encoding/base64"
	"encoding/json"
	"hash/fnv"
	"strconv"
	"strings"
	"time"

	"weir/stack/provider/ledger"
)

// maxWords bounds the text of one choice, however many tokens it claims.
const maxWords = 16384

// defaultChunks is how many content chunks a stream has when nobody says otherwise.
const defaultChunks = 8

// Answer is one answer, settled before its first byte. Its content is a run of chunks: of every choice,
// and of every call where a tool is called.
type Answer struct {
	ID      string // of digits and letters, to be put behind a protocol's prefix
	Created int64
	Model   string // without the options
	Choices int
	Tokens  ledger.Tokens
	Units   ledger.Units
	Pieces  []string // of a text, or a call's arguments, chunk by chunk, as it stands inside a JSON string
	Text    string   // the same as a whole, as it is
	Thought string   // what was thought, "" for nothing; it needs no quoting
	Shown   bool     // thoughts are shown also where the protocol usually hides them
	Tool    string   // the function that is called, "" for none
	Calls   int      // how often; 0 without a tool
	Stop    Stop
	Report  bool // usage is part of the answer
	Free    bool // nothing is billed
	ByTime  bool // usage is Units.Seconds, not tokens
}

// Compose settles the answer number to q.
func (q *Wish) Compose(number int64, model string, o Options) (*Answer, error) {
	tokens, limited, err := q.tokens(o)
	if err != nil {
		return nil, err
	}
	a := &Answer{
		ID: "mock" + strconv.FormatInt(number, 10), Created: time.Now().Unix(), Model: model, Choices: max(q.Choices, 1),
		Tokens: tokens, Units: q.Units, Shown: o.thoughts, Stop: StopEnd, Free: q.Free,
		Report: !q.Silent && o.Fault != FaultNoUsage,
	}
	a.measure(q, o)
	if limited {
		a.Stop = StopLength
	}
	visible := tokens.Completion - tokens.Reasoning // also where the time is billed
	if a.Tokens.Reasoning > 0 {
		a.Thought, _ = words(min(a.Tokens.Reasoning, maxWords/16), 1)
	}
	chunks := o.Chunks
	switch {
	case q.Parts > 0:
		chunks = q.Parts
	case chunks == Unset:
		chunks = int(min(max(visible, 1), defaultChunks))
	}
	chunks = max(chunks, 1)
	called := q.called()
	switch {
	case called != nil:
		a.Tool, a.Calls, a.Stop = called.Name, o.calls, StopTool
		a.Text, err = satisfy(called.Schema)
		if err != nil {
			return nil, Invalid("tools", "Invalid schema for function '%s': %v", called.Name, err)
		}
		a.Pieces = split(a.Text, chunks)
	case len(q.Schema) > 0:
		a.Text, err = satisfy(q.Schema)
		if err != nil {
			return nil, Invalid("response_format", "Invalid schema for response_format: %v", err)
		}
		a.Pieces = split(a.Text, chunks)
	case q.Object:
		a.Text = `{"answer":"mock"}`
		a.Pieces = split(a.Text, chunks)
	default:
		a.Text, a.Pieces = words(visible, chunks)
	}
	if o.stop != "" {
		a.Stop = o.stop
	}
	return a, nil
}

// measure settles the units, and takes the tokens away where seconds are billed in their place.
func (a *Answer) measure(q *Wish, o Options) {
	if o.searches != Unset {
		a.Units.Searches = o.searches
	}
	if q.Units.Seconds == 0 {
		return // nothing was listened to
	}
	if o.seconds != Unset {
		a.Units.Seconds = o.seconds
	}
	a.ByTime = q.ByDuration && o.usage == "" || o.usage == "duration"
	if a.ByTime {
		a.Tokens = ledger.Tokens{}
	} else {
		a.Units.Seconds = 0
	}
}

// Chunks is how many content chunks the answer has.
func (a *Answer) Chunks() int { return len(a.Pieces) * a.Choices * max(a.Calls, 1) }

// Produced is what was used up when served of the answer's content chunks were made.
func (a *Answer) Produced(served int) ledger.Tokens {
	t := a.Tokens
	visible, total := t.Completion-t.Reasoning, int64(a.Chunks())
	part, rest := visible/total*int64(served), visible%total*int64(served)
	t.Completion = t.Reasoning + part + (rest+total-1)/total
	return t
}

// CallID names the i-th call.
func (a *Answer) CallID(i int) string {
	if i == 0 {
		return a.ID
	}
	return a.ID + "x" + strconv.Itoa(i)
}

// Signature signs a thought. It depends on nothing else, so that a later request which brings the
// thought back can be checked.
func Signature(thought string) string {
	hash := fnv.New64a()
	hash.Write([]byte(thought))
	return base64.StdEncoding.EncodeToString(hash.Sum([]byte("mock")))
}

// words spreads about one word a token over the chunks, at least one each.
func words(tokens int64, chunks int) (string, []string) {
	list := [...]string{"over ", "the ", "low ", "dam ", "runs ", "what ", "the ", "river ", "gave, ", "all ", "of ", "it ", "counted. "}
	n := int(min(tokens, maxWords))
	pieces := make([]string, chunks)
	var b strings.Builder
	for i := range pieces {
		from, to := n*i/chunks, n*(i+1)/chunks
		b.Reset()
		for w := from; w < max(to, from+1); w++ {
			b.WriteString(list[w%len(list)])
		}
		pieces[i] = b.String()
	}
	return strings.Join(pieces, ""), pieces
}

// split cuts text into at most chunks pieces of whole characters, quoted for a JSON string.
func split(text string, chunks int) []string {
	runes := []rune(text)
	chunks = max(min(chunks, len(runes)), 1)
	pieces := make([]string, chunks)
	for i := range pieces {
		pieces[i] = Quoted(string(runes[len(runes)*i/chunks : len(runes)*(i+1)/chunks]))
	}
	return pieces
}

// Quoted is s as it stands between the quotes of a JSON string.
func Quoted(s string) string {
	text, _ := json.Marshal(s) // a string always marshals
	return string(text[1 : len(text)-1])
}
