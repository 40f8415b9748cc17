package messages

import (
	"strconv"
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire"
)

// defaultLimit is the limit of output tokens, which the API insists on, where neither the
// client nor the model's entry has one.
const defaultLimit = 4096

// Encode writes a request for a provider.
func (Protocol) Encode(r *genai.Request, o wire.Options) ([]byte, *apierror.Error) {
	think := thinkingOf(r, o)
	j := make(wire.JSON, 0, sizeOf(r))
	j.Open("", '{')
	j.Text("model", o.Model)
	j.Int("max_tokens", think.limit)
	if e := encodeTurns(&j, r); e != nil {
		return nil, e
	}
	encodeTools(&j, r)
	think.encode(&j)
	if r.Output != nil && r.Output.Schema != nil || think.level != "" {
		j.Open("output_config", '{')
		j.Some("effort", think.level)
		if r.Output != nil && r.Output.Schema != nil {
			j.Open("format", '{')
			j.Text("type", "json_schema")
			encodeSchema(&j, "schema", r.Output.Schema, r.From)
			j.Close('}')
		}
		j.Close('}')
	}
	if think.sampled && !think.on() {
		j.Number("temperature", temperature(r.Temperature))
		j.Number("top_p", r.TopP)
		j.Number("top_k", r.TopK)
	}
	encodeStop(&j, r.Stop)
	if r.User != "" {
		j.Open("metadata", '{')
		j.Text("user_id", r.User)
		j.Close('}')
	}
	switch r.ServiceTier {
	case "":
	case "default":
		j.Text("service_tier", "standard_only")
	default:
		j.Text("service_tier", "auto")
	}
	for _, f := range r.Extra {
		j.Raw(f.Name, f.Raw)
	}
	if r.Stream {
		j.Bool("stream", true)
	}
	j.Close('}')
	return j, nil
}

// sizeOf is about how large the body will be.
func sizeOf(r *genai.Request) int {
	n := 1024
	for i := range r.Messages {
		for j := range r.Messages[i].Parts {
			n += 64 + partSize(&r.Messages[i].Parts[j])
		}
	}
	for i := range r.Tools {
		n += 128 + len(r.Tools[i].Description) + len(r.Tools[i].Parameters) + len(r.Tools[i].Raw)
	}
	return n + n/8
}

func partSize(p *genai.Part) int {
	n := len(p.Text) + len(p.Raw)
	switch {
	case p.Media != nil:
		n += len(p.Media.Data)
	case p.Call != nil:
		n += len(p.Call.Arguments)
	case p.Result != nil:
		for i := range p.Result.Parts {
			n += 64 + partSize(&p.Result.Parts[i])
		}
	case p.Proof != nil:
		n += len(p.Proof.Signature) + len(p.Proof.Redacted)
	}
	return n
}

// temperature keeps it within what the API takes, 0 to 1; others go up to 2.
func temperature(number string) string {
	if f, err := strconv.ParseFloat(number, 64); err == nil && f > 1 {
		return "1"
	}
	return number
}

// encodeStop leaves out what is white space alone, which the API refuses.
func encodeStop(j *wire.JSON, stop []string) {
	open := false
	for _, s := range stop {
		if strings.TrimSpace(s) == "" {
			continue
		}
		if !open {
			j.Open("stop_sequences", '[')
			open = true
		}
		j.Text("", s)
	}
	if open {
		j.Close(']')
	}
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
