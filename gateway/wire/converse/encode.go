package converse

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// writer writes a request.
type writer struct{ jsonscan.Writer }

// Encode writes a request of Converse; that of a stream is the same.
func (Protocol) Encode(r *genai.Request, o wire.Options) ([]byte, *apierror.Error) {
	size := 1024
	for i := range r.Messages {
		size += sizeOf(r.Messages[i].Parts)
	}
	w := &writer{jsonscan.Writer{B: make([]byte, 0, size)}}
	w.Open("{")
	c := conversation{writer: w, vendor: vendorOf(o.Model), called: map[string]bool{}}
	c.write(r.Messages)
	w.tools(r, &c)
	w.inference(r)
	w.own(r, o)
	for _, field := range r.Extra {
		if (Protocol{}).Knows(field.Name) {
			w.Raw(field.Name, field.Raw)
		}
	}
	w.Close("}")
	return w.B, nil
}

// sizeOf is about how long parts become.
func sizeOf(parts []genai.Part) int {
	size := 0
	for i := range parts {
		p := &parts[i]
		size += len(p.Text) + 64
		switch {
		case p.Media != nil:
			size += len(p.Media.Data)
		case p.Call != nil:
			size += len(p.Call.Arguments)
		case p.Result != nil:
			size += sizeOf(p.Result.Parts)
		case p.Proof != nil:
			size += len(p.Proof.Signature) + len(p.Proof.Redacted)
		}
	}
	return size
}

func (w *writer) inference(r *genai.Request) {
	before := len(w.B)
	w.Open(`"inferenceConfig":{`)
	empty := len(w.B)
	if r.MaxTokens > 0 {
		w.Integer("maxTokens", r.MaxTokens)
	}
	w.Number("temperature", r.Temperature)
	w.Number("topP", r.TopP)
	if len(r.Stop) > 0 {
		w.Open(`"stopSequences":[`)
		for _, stop := range r.Stop {
			w.String(stop)
		}
		w.Close("]")
	}
	if len(w.B) == empty {
		w.B = w.B[:before]
		return
	}
	w.Close("}")
}

// tools writes toolConfig. A conversation that has calls must have it, so that tools
// that are declared no more are declared by their names.
func (w *writer) tools(r *genai.Request, c *conversation) {
	if len(r.Tools) == 0 && len(c.order) == 0 {
		return
	}
	w.Open(`"toolConfig":{"tools":[`)
	declared := false
	for i := range r.Tools {
		t := &r.Tools[i]
		if t.Server != "" || t.Raw != nil {
			continue
		}
		declared = true
		w.tool(t.Name, t)
		if t.Cache != nil {
			w.cachePoint(t.Cache)
		}
	}
	if !declared {
		for _, name := range c.order {
			w.tool(name, &genai.Tool{})
		}
	}
	w.Close("]")
	if declared {
		w.choice(r.Choice)
	}
	w.Close("}")
}

func (w *writer) tool(name string, t *genai.Tool) {
	w.Open(`{"toolSpec":{`)
	w.Text("name", name)
	if t.Description != "" {
		w.Text("description", t.Description)
	}
	w.Open(`"inputSchema":{`)
	w.schema(t.Parameters)
	w.Close("}")
	if t.Strict != nil && *t.Strict {
		w.Raw("strict", []byte("true"))
	}
	w.Close("}}")
}

// schema writes the schema of a tool's arguments, which must say that they are an object.
func (w *writer) schema(schema []byte) {
	at := jsonscan.Space(schema, 0)
	if at == len(schema) || schema[at] != '{' {
		w.Raw("json", []byte(`{"type":"object","properties":{}}`))
		return
	}
	typed, empty := false, true
	for m := jsonscan.Object(schema, at); m.Next(); {
		empty = false
		typed = typed || string(m.Name()) == "type"
	}
	switch {
	case typed:
		w.Raw("json", schema)
	case empty:
		w.Raw("json", []byte(`{"type":"object"}`))
	default:
		w.Raw("json", []byte(`{"type":"object",`))
		w.Close(string(schema[at+1:]))
	}
}

func (w *writer) choice(c genai.ToolChoice) {
	switch c.Mode {
	case genai.ToolAuto:
		w.Raw("toolChoice", []byte(`{"auto":{}}`))
	case genai.ToolRequired:
		w.Raw("toolChoice", []byte(`{"any":{}}`))
	case genai.ToolNamed:
		w.Open(`"toolChoice":{"tool":{`)
		w.Text("name", c.Name)
		w.Close("}}")
	}
}

func (w *writer) cachePoint(c *genai.Cache) {
	w.Open(`{"cachePoint":{"type":"default"`)
	if c.TTL == "5m" || c.TTL == "1h" {
		w.Text("ttl", c.TTL)
	}
	w.Close("}}")
}
