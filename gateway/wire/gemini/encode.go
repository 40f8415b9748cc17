package gemini

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

// Encode writes a request of generateContent.
func (p Protocol) Encode(r *genai.Request, o wire.Options) ([]byte, []string, *apierror.Error) {
	model := familyOf(o.Model)
	w := &writer{JSON: make(wire.JSON, 0, 1024+r.Size()), notes: genai.NotesOf(r)}
	w.Open("", '{')
	if e := (conversation{writer: w, model: model, names: map[string]string{}}).write(); e != nil {
		return nil, nil, e
	}
	w.tools(r, p.prefix == API && model.levels(), model.validates())
	w.tier(r.ServiceTier)
	w.config(r, model)
	for _, field := range r.Extra {
		if name := own(field.Name); name != "" {
			w.Raw(name, field.Raw)
		}
	}
	w.Close('}')
	return w.JSON, w.notes.Warnings(), nil
}

// tools writes tools and toolConfig. Google's own beside functions must be told of to
// the Gemini API from Gemini 3 on (ai.google.dev/gemini-api/docs/tool-combination).
func (w *writer) tools(r *genai.Request, tell, validates bool) {
	functions, search, strict := 0, false, false
	for i := range r.Tools {
		if r.Tools[i].Server == "web_search" {
			if search = true; wire.SearchSays(r.Tools[i].Raw) {
				w.notes.Add(genai.SearchOptions)
			}
		} else if t := &r.Tools[i]; t.Raw == nil {
			functions++
			strict = strict || t.Strict != nil && *t.Strict
		}
	}
	choosing := r.Choice.Mode != genai.ToolDefault && r.Choice.Mode != genai.ToolAuto
	if functions == 0 && search && choosing {
		w.notes.Add(genai.ChoiceOut)
	}
	if functions == 0 && !search {
		return
	}
	w.Open("tools", '[')
	if functions > 0 {
		w.Open("", '{')
		w.Open("functionDeclarations", '[')
		for i := range r.Tools {
			if t := &r.Tools[i]; t.Server == "" && t.Raw == nil {
				w.function(t)
			}
		}
		w.Close(']', '}')
	}
	if search {
		w.Open("", '{')
		w.Open("googleSearch", '{')
		w.Close('}')
		w.Close('}')
	}
	w.Close(']')
	before := len(w.JSON)
	w.Open("toolConfig", '{')
	if functions > 0 {
		if strict && !validates && r.Choice.Mode <= genai.ToolAuto {
			w.notes.Add(genai.StrictOut)
		}
		w.choice(r.Choice, strict && validates)
	}
	if functions > 0 && search && tell {
		w.Bool("includeServerSideToolInvocations", true)
	}
	w.Shut(before, '}')
}

func (w *writer) function(t *genai.Tool) {
	w.Open("", '{')
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
	w.Close('}')
}

// choice writes how tools are chosen. Calls that must be made follow their schemas in any
// case, those that may be made where they are validated
// (ai.google.dev/gemini-api/docs/function-calling, "Function calling modes").
func (w *writer) choice(c genai.ToolChoice, strict bool) {
	mode := ""
	switch {
	case strict && c.Mode <= genai.ToolAuto:
		mode = "VALIDATED"
	case c.Mode == genai.ToolAuto:
		mode = "AUTO"
	case c.Mode == genai.ToolNone:
		mode = "NONE"
	case c.Mode == genai.ToolRequired, c.Mode == genai.ToolNamed:
		mode = "ANY"
	default:
		return
	}
	w.Open("functionCallingConfig", '{')
	w.Text("mode", mode)
	if c.Mode == genai.ToolNamed {
		w.Open("allowedFunctionNames", '[')
		w.Text("", c.Name)
		w.Close(']')
	}
	w.Close('}')
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
