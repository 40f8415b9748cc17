package gemini

import (
	"strconv"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// writer writes JSON; a comma goes wherever a value stands before.
type writer struct{ b []byte }

func (w *writer) separate() {
	if n := len(w.b); n > 0 {
		switch w.b[n-1] {
		case '{', '[', ':':
		default:
			w.b = append(w.b, ',')
		}
	}
}

// open begins what is closed by the caller: text ends in a brace or a bracket.
func (w *writer) open(text string) {
	w.separate()
	w.b = append(w.b, text...)
}

func (w *writer) close(text string) { w.b = append(w.b, text...) }

func (w *writer) name(name string) {
	w.separate()
	w.b = append(append(append(w.b, '"'), name...), '"', ':')
}

func (w *writer) text(name, value string) {
	w.name(name)
	w.b = jsonscan.AppendString(w.b, value)
}

func (w *writer) raw(name string, value []byte) {
	w.name(name)
	w.b = append(w.b, value...)
}

// number writes a number as the client wrote it; "" is none.
func (w *writer) number(name, value string) {
	if value != "" {
		w.name(name)
		w.b = append(w.b, value...)
	}
}

func (w *writer) integer(name string, value int64) {
	w.name(name)
	w.b = strconv.AppendInt(w.b, value, 10)
}

// Encode writes a request of generateContent.
func (Protocol) Encode(r *genai.Request, o wire.Options) ([]byte, *apierror.Error) {
	model := familyOf(o.Model)
	size := 1024
	for i := range r.Messages {
		size += sizeOf(r.Messages[i].Parts)
	}
	w := &writer{b: make([]byte, 0, size)}
	w.open("{")
	conversation{writer: w, model: model, names: map[string]string{}}.write(r.Messages)
	w.tools(r)
	w.config(r, model)
	for _, field := range r.Extra {
		if name := own(field.Name); name != "" {
			w.raw(name, field.Raw)
		}
	}
	w.close("}")
	return w.b, nil
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

func (w *writer) tools(r *genai.Request) {
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
	w.open(`"tools":[`)
	if functions > 0 {
		w.open(`{"functionDeclarations":[`)
		for i := range r.Tools {
			if t := &r.Tools[i]; t.Server == "" && t.Raw == nil {
				w.function(t)
			}
		}
		w.close("]}")
	}
	if search {
		w.open(`{"googleSearch":{}}`)
	}
	w.close("]")
	if functions > 0 {
		w.choice(r.Choice)
	}
}

func (w *writer) function(t *genai.Tool) {
	w.open("{")
	w.text("name", t.Name)
	if t.Description != "" {
		w.text("description", t.Description)
	}
	switch {
	case t.Parameters == nil || noProperties(t.Parameters):
		// An object without properties is refused in parameters.
	case plainSchema(t.Parameters):
		w.raw("parameters", t.Parameters)
	default:
		w.raw("parametersJsonSchema", t.Parameters)
	}
	w.close("}")
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
	w.open(`"toolConfig":{"functionCallingConfig":{`)
	w.text("mode", mode)
	if c.Mode == genai.ToolNamed {
		w.open(`"allowedFunctionNames":[`)
		w.b = jsonscan.AppendString(w.b, c.Name)
		w.close("]")
	}
	w.close("}}")
}
