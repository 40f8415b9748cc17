package stacktest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// LedgerEntry is one line of the mock provider's ledger; docs/mock-provider.md says what each field is.
type LedgerEntry struct {
	RequestID        string `json:"request_id"`
	Model            string `json:"model"`
	Stream           bool   `json:"stream"`
	Status           int    `json:"status"`
	PromptTokens     int64  `json:"prompt_tokens"`     // cached and written ones included
	CachedTokens     int64  `json:"cached_tokens"`     //
	CachingTokens    int64  `json:"caching_tokens"`    // written to the cache
	CompletionTokens int64  `json:"completion_tokens"` // reasoning ones included
	ReasoningTokens  int64  `json:"reasoning_tokens"`
	Billed           bool   `json:"billed"`
	Reported         bool   `json:"reported"`
	ClientGone       bool   `json:"client_gone"`
	Fault            string `json:"fault"`
	ServedChunks     int    `json:"served_chunks"`
}

// Tokens are the disjoint counts of the books: their sum is the total.
func (e LedgerEntry) Tokens() Tokens {
	return Tokens{
		Input:     e.PromptTokens - e.CachedTokens - e.CachingTokens,
		Cached:    e.CachedTokens,
		Written:   e.CachingTokens,
		Output:    e.CompletionTokens - e.ReasoningTokens,
		Reasoning: e.ReasoningTokens,
	}
}

// Ledger reads the mock provider's ledger, by request id; two entries under one id are an error.
func (s *Stack) Ledger(ctx context.Context) (map[string]LedgerEntry, error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(URL(s.Provider), "/v1")+"/ledger", nil)
	if err != nil {
		return nil, fmt.Errorf("ask for the ledger: %w", err)
	}
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return nil, fmt.Errorf("ask for the ledger: %w", err)
	}
	defer resp.Body.Close()
	var list struct{ Entries []LedgerEntry }
	if err := json.NewDecoder(resp.Body).Decode(&list); err != nil {
		return nil, fmt.Errorf("read the ledger: %w", err)
	}
	byID := make(map[string]LedgerEntry, len(list.Entries))
	for _, e := range list.Entries {
		if _, twice := byID[e.RequestID]; twice {
			return nil, fmt.Errorf("the provider was called twice under the request id %q", e.RequestID)
		}
		byID[e.RequestID] = e
	}
	return byID, nil
}

// URL is the base URL of an address of the ready file.
func URL(address string) string {
	if strings.Contains(address, "://") {
		return strings.TrimSuffix(address, "/")
	}
	return "http://" + address
}
