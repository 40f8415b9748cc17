package messages

import (
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// thinking reads how much the model may think. An effort that output_config gives is
// merged with it, whichever comes first.
func (d *reader) thinking(out *genai.Request, at jsonscan.Span) {
	if !d.is(at, '{', "thinking", "an object") {
		return
	}
	r := out.Reasoning
	if r == nil {
		r = &genai.Reasoning{}
	}
	for t := jsonscan.Object(d.text, at.Start); t.Next(); {
		switch string(t.Name()) {
		case "type":
			switch d.string(t.Value, "thinking.type") {
			case "enabled":
			case "adaptive":
				if r.Effort == "" {
					r.Effort = "high" // the API's default
				}
			case "disabled":
				r.Off, r.Effort = true, ""
			default:
				d.wrong("thinking.type", "enabled, adaptive or disabled")
			}
		case "budget_tokens":
			if n := wire.Count(t.Value.Of(d.text)); n > 0 {
				r.Budget = n
			} else {
				d.wrong("thinking.budget_tokens", "a whole number above 0")
			}
		case "display":
			if d.string(t.Value, "thinking.display") == "summarized" {
				r.Summary = "auto"
			}
		}
	}
	if r.Budget > 0 {
		r.Effort = ""
	}
	out.Reasoning = r
}

func (d *reader) outputConfig(out *genai.Request, at jsonscan.Span) {
	if !d.is(at, '{', "output_config", "an object") {
		return
	}
	for c := jsonscan.Object(d.text, at.Start); c.Next(); {
		switch name := string(c.Name()); name {
		case "effort":
			effort := d.string(c.Value, "output_config.effort")
			if effort == "max" {
				effort = "xhigh"
			}
			switch r := out.Reasoning; {
			case effort == "":
			case r == nil:
				out.Reasoning = &genai.Reasoning{Effort: effort}
			case !r.Off && r.Budget == 0:
				r.Effort = effort
			}
		case "format":
			d.format(out, c.Value, "output_config.format")
		}
	}
}

func (d *reader) format(out *genai.Request, at jsonscan.Span, field string) {
	if !d.is(at, '{', field, "an object") {
		return
	}
	schema := wire.Member(d.text, at, "schema")
	if schema.Empty() || d.text[schema.Start] != '{' {
		d.wrong(field+".schema", "a JSON schema")
		return
	}
	out.Output = &genai.Output{Schema: schema.Of(d.text)}
}
