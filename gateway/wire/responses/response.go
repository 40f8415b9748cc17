package responses

import (
	"strconv"

	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// AppendResponse appends the answer of another protocol as a response.
func (Format) AppendResponse(out []byte, r *genai.Response, to *wire.Reply, usage genai.Usage, bill *wire.Bill) []byte {
	var c genai.Choice
	if len(r.Choices) > 0 { // there is one: n is refused
		c = r.Choices[0]
	}
	refused := false
	for i := range c.Parts {
		refused = refused || c.Parts[i].Kind == genai.Refusal
	}
	status, reason := ending(c.Stop, refused)
	var items wire.JSON
	items.Open("", '[')
	for i, n := 0, 0; i < len(c.Parts); n++ {
		group := item(c.Parts[i:])
		i += len(group)
		if c := group[0].Call; c != nil && c.Signature != "" {
			proof := signed(c)
			appendItem(&items, "", idOf(&proof, to, n), completed, []genai.Part{proof}, nil)
			n++
		}
		if shown(&group[0]) {
			appendItem(&items, "", idOf(&group[0], to, n), completed, group, c.LogProbs)
		}
	}
	items.Close(']')
	created := r.Created
	if created == 0 {
		created = to.Created
	}
	j := wire.JSON(out)
	appendResponse(&j, "", to, created, status, reason, r.ServiceTier, items, func() { appendUsage(&j, "usage", usage, bill) })
	return j
}

// item is the parts at the beginning that are one item of the output.
func item(parts []genai.Part) []genai.Part {
	n := 1
	for spoken(parts[0].Kind) && n < len(parts) && spoken(parts[n].Kind) {
		n++
	}
	return parts[:n]
}

func idOf(p *genai.Part, to *wire.Reply, n int) string {
	return prefix(p) + to.ID + "_" + strconv.Itoa(n)
}

// ending is the status of a response and, for one that is incomplete, the reason. A
// model that refuses has said all that it says.
func ending(s genai.Stop, refused bool) (status, reason string) {
	switch {
	case s == genai.StopLength:
		return cutShort, "max_output_tokens"
	case s == genai.StopFilter && !refused:
		return cutShort, "content_filter"
	}
	return completed, ""
}

// appendResponse writes a response object, with what the client asked for as it stands
// in the request. It says that nothing was stored.
func appendResponse(j *wire.JSON, name string, to *wire.Reply, created int64, status, reason, tier string, items []byte, usage func()) {
	j.Open(name, '{')
	j.Text("id", "resp_"+to.ID)
	j.Text("object", "response")
	j.Int("created_at", created)
	j.Text("status", status)
	j.Bool("background", false)
	j.Null("error")
	if reason != "" {
		j.Open("incomplete_details", '{')
		j.Text("reason", reason)
		j.Close('}')
	} else {
		j.Null("incomplete_details")
	}
	appendEcho(j, to)
	j.Raw("model", to.Quoted)
	j.Raw("output", items)
	j.Null("previous_response_id")
	j.Bool("store", false)
	j.Some("service_tier", tier)
	if usage != nil {
		usage()
	} else {
		j.Null("usage")
	}
	j.Close('}')
}

// appendEcho writes the fields that a response repeats from its request.
func appendEcho(j *wire.JSON, to *wire.Reply) {
	names := [...]string{"instructions", "max_output_tokens", "max_tool_calls", "metadata", "parallel_tool_calls", "reasoning", "temperature",
		"text", "tool_choice", "tools", "top_p", "truncation", "user"}
	absent := [...]string{"null", "null", "null", "{}", "true", `{"effort":null,"summary":null}`, "null",
		`{"format":{"type":"text"}}`, `"auto"`, "[]", "null", `"disabled"`, "null"}
	var values [len(names)]jsonscan.Span
	var text []byte
	if to.Request != nil {
		text = to.Request.Head().Body
		for m := jsonscan.Object(text, jsonscan.Space(text, 0)); m.Next(); {
			for i, name := range names {
				if m.Kind() != 'n' && string(m.Name()) == name {
					values[i] = m.Value
				}
			}
		}
	}
	for i, name := range names {
		if values[i].Empty() {
			j.Raw(name, []byte(absent[i]))
		} else {
			j.Raw(name, values[i].Of(text))
		}
	}
}
