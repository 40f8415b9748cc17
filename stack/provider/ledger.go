package provider

import (
	"net/http"
	"strconv"
	"sync"
	"time"
)

// Tokens are the counts of one answer as OpenAI reports them: prompt includes cached and written,
// completion includes reasoning.
type Tokens struct {
	Prompt     int64 `json:"prompt_tokens"`
	Cached     int64 `json:"cached_tokens"`
	Written    int64 `json:"caching_tokens"`
	Completion int64 `json:"completion_tokens"`
	Reasoning  int64 `json:"reasoning_tokens"`
}

// Entry is one line of the ledger: what one chat request was answered with and what was billed for it.
type Entry struct {
	Seq       int64  `json:"seq"`        // 1 for the first entry since the start, without holes
	RequestID string `json:"request_id"` // the x-request-id that came with the request, "" for none
	Model     string `json:"model"`      // as it was asked for, options included
	Stream    bool   `json:"stream"`
	Status    int    `json:"status"` // of the answer; 0 when none was sent
	Tokens
	Billed       bool   `json:"billed"`        // tokens were used
	Reported     bool   `json:"reported"`      // usage was written to the wire completely
	ClientGone   bool   `json:"client_gone"`   // the client left before the end
	Fault        string `json:"fault"`         // the fault that was asked for
	ServedChunks int    `json:"served_chunks"` // content chunks written; 1 for a whole plain answer
	At           string `json:"at"`            // when the entry was made, RFC 3339 with nanoseconds, UTC
}

// ledger is the list of entries. The mutex owns both fields.
type ledger struct {
	mu      sync.Mutex
	removed int64 // entries deleted so far: entries[0].Seq is removed+1
	entries []Entry
}

// add appends e and returns its number.
func (l *ledger) add(e Entry) int64 {
	l.mu.Lock()
	defer l.mu.Unlock()
	e.Seq = l.removed + int64(len(l.entries)) + 1
	e.At = time.Now().UTC().Format(time.RFC3339Nano)
	l.entries = append(l.entries, e)
	return e.Seq
}

// amend changes the entry with number seq, unless it was deleted meanwhile.
func (l *ledger) amend(seq int64, change func(*Entry)) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if i := seq - l.removed - 1; i >= 0 {
		change(&l.entries[i])
	}
}

// since returns the entries with a number above seq and the number of the last one.
func (l *ledger) since(seq int64) ([]Entry, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	last := l.removed + int64(len(l.entries))
	from := min(max(seq-l.removed, 0), int64(len(l.entries)))
	return append([]Entry{}, l.entries[from:]...), last
}

// get answers GET /ledger?since=N: entries numbered above N, and next, the N of the following call.
func (l *ledger) get(w http.ResponseWriter, r *http.Request) {
	var seq int64
	if text := r.URL.Query().Get("since"); text != "" {
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			writeError(w, invalid("since", "since must be a whole number"))
			return
		}
		seq = n
	}
	entries, next := l.since(seq)
	writeJSON(w, http.StatusOK, struct {
		Entries []Entry `json:"entries"`
		Next    int64   `json:"next"`
	}{entries, next})
}

// clear answers DELETE /ledger; the numbers go on from where they were.
func (l *ledger) clear(w http.ResponseWriter, _ *http.Request) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.removed += int64(len(l.entries))
	l.entries = nil
	w.WriteHeader(http.StatusNoContent)
}
