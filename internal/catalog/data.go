package catalog

import (
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
)

//go:embed prices.json
var compiledIn []byte

// source is the form of prices.json, as tools/catalog/dump.mjs writes it.
type source struct {
	Prices    string                // "genai-prices/0.1.8", part of every price version
	Metadata  string                // "catwalk/0.52.1"
	Units     map[string]sourceUnit // every unit that some model prices
	Providers []sourceProvider
}

type sourceUnit struct {
	Per    int64    // a price is for this many
	Within []string // the units that count the same thing more broadly
}

type sourceProvider struct {
	Name     string   // Weir's name
	Aliases  []string // other names of it
	Source   string   // genai-prices' id where that differs from Name
	Fallback []string // providers whose models this one serves too
	Models   []sourceModel
	Also     []sourceModel // names without rules or prices of their own
}

type sourceModel struct {
	ID        string
	Name      string
	About     string
	API       string // "" is chat
	Match     rule
	Unlisted  bool // priced, but deprecated or not a name that one can call
	Window    int64
	MaxOutput int64 `json:"max_output"`
	Vision    *bool // nil is not known
	Reasoning *bool
	Minimum   map[string]int64 // the least that is billed of a unit, once there is any
	Prices    []sourcePrices   // the last that holds wins, the first is the default
	extended  bool             // a price of ours is among them
}

// sourcePrices holds from a date, or daily between two times of day, or always.
type sourcePrices struct {
	From  string  // "2006-01-02", UTC
	Daily []int64 // seconds of the UTC day: from, to; may span midnight
	USD   map[string]sourcePrice
}

// sourcePrice is decimal text, or ["base", [threshold, "price"], …]: a request
// with more input tokens than a threshold pays that price for all of it.
type sourcePrice struct {
	base  string
	tiers []sourceTier
}

type sourceTier struct {
	above int64
	usd   string
}

func (p *sourcePrice) UnmarshalJSON(b []byte) error {
	if len(b) > 0 && b[0] == '"' {
		p.base = string(b[1 : len(b)-1]) // decimal text has nothing to unescape; ParsePrice looks at it
		return nil
	}
	var parts []json.RawMessage
	if err := json.Unmarshal(b, &parts); err != nil {
		return err
	}
	if len(parts) == 0 {
		return errors.New("a price without a value")
	}
	if err := json.Unmarshal(parts[0], &p.base); err != nil {
		return err
	}
	for _, part := range parts[1:] {
		var t sourceTier
		pair := []any{&t.above, &t.usd}
		if err := json.Unmarshal(part, &pair); err != nil {
			return fmt.Errorf("read tier: %w", err)
		}
		p.tiers = append(p.tiers, t)
	}
	return nil
}
