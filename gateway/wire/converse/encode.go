package converse

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire"
)

// writer writes a request.
type writer struct {
	wire.JSON
	notes *genai.Notes
}

// Encode writes a request of Converse; that of a stream is the same.
func (Protocol) Encode(r *genai.Request, o wire.Options) ([]byte, []string, *apierror.Error) {
	w := &writer{JSON: make(wire.JSON, 0, 1024+r.Size()), notes: genai.NotesOf(r)}
	w.Open("", '{')
	c := conversation{writer: w, vendor: vendorOf(o.Model), called: map[string]bool{}}
	if e := c.write(); e != nil {
		return nil, nil, e
	}
	w.tools(r, &c)
	w.own(r, o)
	for _, field := range r.Extra {
		if (Protocol{}).Knows(field.Name) {
			w.Raw(field.Name, field.Raw)
		}
	}
	w.Close('}')
	return w.JSON, w.notes.Warnings(), nil
}

func (w *writer) inference(r *genai.Request, temperature, topP string) {
	before := len(w.JSON)
	w.Open("inferenceConfig", '{')
	if r.MaxTokens > 0 {
		w.Int("maxTokens", r.MaxTokens)
	}
	w.Number("temperature", temperature)
	w.Number("topP", topP)
	if len(r.Stop) > 0 {
		w.Open("stopSequences", '[')
		for _, stop := range r.Stop {
			w.Text("", stop)
		}
		w.Close(']')
	}
	w.Shut(before, '}')
}

// tools writes toolConfig. A conversation that has calls must have it, so that tools
// that are declared no more are declared by their names.
func (w *writer) tools(r *genai.Request, c *conversation) {
	if len(r.Tools) == 0 && len(c.order) == 0 {
		return
	}
	w.Open("toolConfig", '{')
	w.Open("tools", '[')
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
		w.notes.Add(genai.ToolsDeclared)
		for _, name := range c.order {
			w.tool(name, &genai.Tool{})
		}
	}
	w.Close(']')
	if declared {
		w.choice(r.Choice)
	}
	w.Close('}')
}

func (w *writer) tool(name string, t *genai.Tool) {
	w.Open("", '{')
	w.Open("toolSpec", '{')
	w.Text("name", name)
	if t.Description != "" {
		w.Text("description", t.Description)
	}
	w.Open("inputSchema", '{')
	w.Raw("json", wire.ObjectSchema(t.Parameters))
	w.Close('}')
	if t.Strict != nil && *t.Strict {
		w.Bool("strict", true)
	}
	w.Close('}', '}')
}

func (w *writer) choice(c genai.ToolChoice) {
	switch c.Mode {
	case genai.ToolAuto:
		w.Raw("toolChoice", []byte(`{"auto":{}}`))
	case genai.ToolRequired:
		w.Raw("toolChoice", []byte(`{"any":{}}`))
	case genai.ToolNamed:
		w.Open("toolChoice", '{')
		w.Open("tool", '{')
		w.Text("name", c.Name)
		w.Close('}', '}')
	}
}

func (w *writer) cachePoint(c *genai.Cache) {
	w.Open("", '{')
	w.Open("cachePoint", '{')
	w.Text("type", "default")
	if c.TTL == "5m" || c.TTL == "1h" {
		w.Text("ttl", c.TTL)
	}
	w.Close('}', '}')
}
