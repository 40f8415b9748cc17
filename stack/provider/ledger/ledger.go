// Package ledger keeps what the mock provider billed: one entry for each request of any protocol, with
// the counts in one meaning whatever the protocol's own way of reporting them is.
//
// Guarantee: entries are numbered from 1 without holes and never change their number; Clear does not
// reuse numbers. Concurrency: a mutex owns the list, any number of requests add at once. Failure:
// nothing is kept on disk.
package ledger

import (
	"sync"
	"time"
)

// Tokens are the counts of one answer. Prompt includes cached, written and tool use; Written includes
// Written1h; Completion includes reasoning. What is left after the subtractions is the plain part.
type Tokens struct {
	Prompt     int64 `json:"prompt_tokens"`
	Cached     int64 `json:"cached_tokens"`
	Written    int64 `json:"caching_tokens"`
	Written1h  int64 `json:"caching_1h_tokens"` // of the written ones, those kept for an hour
	ToolUse    int64 `json:"tool_use_tokens"`   // of the prompt, what tools of the provider's put in
	Completion int64 `json:"completion_tokens"`
	Reasoning  int64 `json:"reasoning_tokens"`
}

// Units are what is billed beside tokens, or in their place.
type Units struct {
	Images     int64 `json:"images"`     // made
	Seconds    int64 `json:"seconds"`    // of sound that was listened to, where that is the measure
	Characters int64 `json:"characters"` // that were spoken
	Searches   int64 `json:"searches"`   // of the web
}

// Entry is one line: what one request was answered with and what was billed for it.
type Entry struct {
	Seq       int64  `json:"seq"`        // 1 for the first entry since the start, without holes
	RequestID string `json:"request_id"` // the x-request-id that came with the request, "" for none
	Protocol  string `json:"protocol"`   // in which it was asked
	Model     string `json:"model"`      // as it was asked for, options included
	Stream    bool   `json:"stream"`
	Status    int    `json:"status"` // of the answer; 0 when none was sent
	Tokens
	Units
	Billed       bool   `json:"billed"`        // tokens or units were used
	Reported     bool   `json:"reported"`      // usage was written to the wire completely
	ClientGone   bool   `json:"client_gone"`   // the client left before the end
	Fault        string `json:"fault"`         // the fault that was asked for
	ServedChunks int    `json:"served_chunks"` // content chunks written; 1 for a whole plain answer
	At           string `json:"at"`            // when the entry was made, RFC 3339 with nanoseconds, UTC
}

// Ledger is the list of entries; its zero value is empty. The mutex owns both other fields.
type Ledger struct {
	mu      sync.Mutex
	removed int64 // entries deleted so far: entries[0].Seq is removed+1
	entries []Entry
}

// Add appends e and returns its number.
func (l *Ledger) Add(e Entry) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Seq = l.removed + int64(len(l.entries)) + 1
	e.At = time.Now().UTC().Format(time.RFC3339Nano)
	l.entries = append(l.entries, e)
	return e.Seq
}

// Amend changes the entry with number seq, unless it was deleted meanwhile.
func (l *Ledger) Amend(seq int64, change func(*Entry)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := seq - l.removed - 1; i >= 0 {
		change(&l.entries[i])
	}
}

// Since returns the entries with a number above seq and the number of the last one.
func (l *Ledger) Since(seq int64) ([]Entry, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.removed + int64(len(l.entries))
	from := min(max(seq-l.removed, 0), int64(len(l.entries)))
	return append([]Entry{}, l.entries[from:]...), last
}

// Clear removes all entries; the numbers go on from where they were.
func (l *Ledger) Clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.removed += int64(len(l.entries))
	l.entries = nil
}
