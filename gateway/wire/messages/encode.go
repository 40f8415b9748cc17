package messages

import (
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire"
	"weir/gateway/wire/claude"
)

// defaultLimit is the limit of output tokens, which the API insists on, where neither the
// client nor the model's entry has one.
const defaultLimit = 4096

// Encode writes a request for a provider.
func (Protocol) Encode(r *genai.Request, o wire.Options) ([]byte, []string, *apierror.Error) {
	notes := genai.NotesOf(r)
	limit := limitOf(r, o, notes)
	think := claude.Think(r, o.Model, limit, sendable, notes)
	j := make(wire.JSON, 0, 1024+r.Size())
	j.Open("", '{')
	j.Text("model", o.Model)
	j.Int("max_tokens", limit)
	if e := encodeTurns(&j, r, notes); e != nil {
		return nil, nil, e
	}
	encodeTools(&j, r, notes)
	encodeThinking(&j, &think)
	if r.Output != nil && r.Output.Schema != nil || think.Level != "" {
		j.Open("output_config", '{')
		j.Some("effort", think.Level)
		if r.Output != nil && r.Output.Schema != nil {
			j.Open("format", '{')
			j.Text("type", "json_schema")
			encodeSchema(&j, "schema", r.Output.Schema, r.From, notes)
			j.Close('}')
			if r.Output.Description != "" {
				notes.Add(genai.SchemaWords)
			}
		}
		j.Close('}')
	}
	temperature, topP, topK := claude.Sampled(r, o.Model, think.On(), notes)
	j.Number("temperature", temperature)
	j.Number("top_p", topP)
	j.Number("top_k", topK)
	encodeStop(&j, r.Stop, notes)
	if r.User != "" {
		j.Open("metadata", '{')
		j.Text("user_id", r.User)
		j.Close('}')
	}
	encodeTier(&j, r.ServiceTier, notes)
	for _, f := range r.Extra {
		j.Raw(f.Name, f.Raw)
	}
	if r.Stream {
		j.Bool("stream", true)
	}
	j.Close('}')
	return j, notes.Warnings(), nil
}

// limitOf is max_tokens: what thinking takes comes out of it.
func limitOf(r *genai.Request, o wire.Options, notes *genai.Notes) int64 {
	switch {
	case r.MaxTokens > 0:
		return r.MaxTokens
	case o.MaxOutput > 0:
		return o.MaxOutput
	}
	notes.Add(genai.LimitSet)
	if r.Reasoning == nil {
		return defaultLimit
	}
	return defaultLimit + r.Reasoning.Tokens()
}

func encodeThinking(j *wire.JSON, t *claude.Thinking) {
	if !t.On() && !t.Off {
		return
	}
	j.Open("thinking", '{')
	switch {
	case t.Off:
		j.Text("type", "disabled")
	case t.Adaptive:
		j.Text("type", "adaptive")
		if t.Summary {
			j.Text("display", "summarized") // 4.7 shows no thinking where it is not asked to
		}
	default:
		j.Text("type", "enabled")
		j.Int("budget_tokens", t.Budget)
	}
	j.Close('}')
}

// encodeTier writes the tier: a default is the standard one, and what else is asked for
// is auto, which takes the priority that an account has.
func encodeTier(j *wire.JSON, tier string, notes *genai.Notes) {
	switch tier {
	case "":
	case "default", "standard_only":
		j.Text("service_tier", "standard_only")
	default:
		if tier != "auto" && tier != "priority" {
			notes.Add(genai.TierNearest)
		}
		j.Text("service_tier", "auto")
	}
}

// encodeStop leaves out what is white space alone, which the API refuses.
func encodeStop(j *wire.JSON, stop []string, notes *genai.Notes) {
	before := len(*j)
	j.Open("stop_sequences", '[')
	for _, s := range stop {
		if strings.TrimSpace(s) == "" {
			notes.Add(genai.BlankStop)
			continue
		}
		j.Text("", s)
	}
	j.Shut(before, ']')
}

func encodeCache(j *wire.JSON, c *genai.Cache) {
	if c != nil {
		*j = append(*j, cacheMember(c)...)
	}
}

// cacheMember is a breakpoint as a member that follows another one.
func cacheMember(c *genai.Cache) string {
	if c.TTL == "1h" {
		return `,"cache_control":{"type":"ephemeral","ttl":"1h"}`
	}
	if c.TTL == "5m" {
		return `,"cache_control":{"type":"ephemeral","ttl":"5m"}`
	}
	return `,"cache_control":{"type":"ephemeral"}`
}
