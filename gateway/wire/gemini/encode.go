package gemini

import (
	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// writer writes a request.
type writer struct{ jsonscan.Writer }

// Encode writes a request of generateContent.
func (p Protocol) Encode(r *genai.Request, o wire.Options) ([]byte, *apierror.Error) {
	model := familyOf(o.Model)
	size := 1024
	for i := range r.Messages {
		size += sizeOf(r.Messages[i].Parts)
	}
	w := &writer{jsonscan.Writer{B: make([]byte, 0, size)}}
	w.Open("{")
	conversation{writer: w, model: model, names: map[string]string{}}.write(r.Messages)
	w.tools(r, p.prefix == API && model.levels())
	w.tier(r.ServiceTier)
	w.config(r, model)
	for _, field := range r.Extra {
		if name := own(field.Name); name != "" {
			w.Raw(name, field.Raw)
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
		size += len(p.Text) + len(p.Raw) + 48
		switch {
		case p.Media != nil:
			size += len(p.Media.Data)
		case p.Call != nil:
			size += len(p.Call.Arguments) + len(p.Call.Signature)
		case p.Result != nil:
			size += sizeOf(p.Result.Parts)
		case p.Proof != nil:
			size += len(p.Proof.Signature)
		}
	}
	return size
}

// tools writes tools and toolConfig. Google's own beside functions must be told of to
// the Gemini API from Gemini 3 on (ai.google.dev/gemini-api/docs/tool-combination).
func (w *writer) tools(r *genai.Request, tell bool) {
	functions, search := 0, false
	for i := range r.Tools {
		if r.Tools[i].Server == "web_search" {
			search = true
		} else if r.Tools[i].Raw == nil {
			functions++
		}
	}
	if functions == 0 && !search {
		return
	}
	w.Open(`"tools":[`)
	if functions > 0 {
		w.Open(`{"functionDeclarations":[`)
		for i := range r.Tools {
			if t := &r.Tools[i]; t.Server == "" && t.Raw == nil {
				w.function(t)
			}
		}
		w.Close("]}")
	}
	if search {
		w.Open(`{"googleSearch":{}}`)
	}
	w.Close("]")
	before := len(w.B)
	w.Open(`"toolConfig":{`)
	empty := len(w.B)
	if functions > 0 {
		w.choice(r.Choice)
	}
	if functions > 0 && search && tell {
		w.Raw("includeServerSideToolInvocations", []byte("true"))
	}
	if len(w.B) == empty {
		w.B = w.B[:before]
		return
	}
	w.Close("}")
}

func (w *writer) function(t *genai.Tool) {
	w.Open("{")
	w.Text("name", t.Name)
	if t.Description != "" {
		w.Text("description", t.Description)
	}
	switch {
	case t.Parameters == nil || noProperties(t.Parameters):
		// An object without properties is refused in parameters.
	case plainSchema(t.Parameters):
		w.Raw("parameters", t.Parameters)
	default:
		w.Raw("parametersJsonSchema", t.Parameters)
	}
	w.Close("}")
}

func (w *writer) choice(c genai.ToolChoice) {
	mode := ""
	switch c.Mode {
	case genai.ToolAuto:
		mode = "AUTO"
	case genai.ToolNone:
		mode = "NONE"
	case genai.ToolRequired, genai.ToolNamed:
		mode = "ANY"
	default:
		return
	}
	w.Open(`"functionCallingConfig":{`)
	w.Text("mode", mode)
	if c.Mode == genai.ToolNamed {
		w.Open(`"allowedFunctionNames":[`)
		w.String(c.Name)
		w.Close("]")
	}
	w.Close("}")
}

// tier writes serviceTier: OpenAI's default and Anthropic's standard_only are standard
// here.
func (w *writer) tier(name string) {
	switch name {
	case "", "auto":
		return
	case "default", "standard_only":
		name = "standard"
	}
	w.Text("serviceTier", name)
}
