package gemini

import (
	"encoding/json"
	"net/http"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

// request is what is read of a body.
type request struct {
	Contents json.RawMessage `json:"contents"`
	Config   struct {
		Candidates *int            `json:"candidateCount"`
		MaxTokens  *int64          `json:"maxOutputTokens"`
		MimeType   string          `json:"responseMimeType"`
		Schema     json.RawMessage `json:"responseSchema"`
		JSONSchema json.RawMessage `json:"responseJsonSchema"`
		Thinking   struct {
			Include bool   `json:"includeThoughts"`
			Budget  *int64 `json:"thinkingBudget"`
			Level   string `json:"thinkingLevel"`
		} `json:"thinkingConfig"`
	} `json:"generationConfig"`
	Tools []struct {
		Functions []struct {
			Name       string          `json:"name"`
			Parameters json.RawMessage `json:"parameters"`
			JSONSchema json.RawMessage `json:"parametersJsonSchema"`
		} `json:"functionDeclarations"`
	} `json:"tools"`
	ToolConfig struct {
		Calling struct {
			Mode    string   `json:"mode"`
			Allowed []string `json:"allowedFunctionNames"`
		} `json:"functionCallingConfig"`
	} `json:"toolConfig"`
}

// readWith reads requests whose credentials pass auth.
func readWith(auth func(*http.Request) error) func(*http.Request, []byte) (answer.Wish, exchange.Writer, error) {
	return func(r *http.Request, body []byte) (answer.Wish, exchange.Writer, error) {
		model, method := call(r)
		wish := answer.Wish{Model: model, Stream: method == "streamGenerateContent", NoWrite: true}
		if err := auth(r); err != nil {
			return wish, nil, err
		}
		if method == "batchEmbedContents" && r.PathValue("project") == "" { // Vertex AI has it not
			return readEmbeddings(wish, body)
		}
		switch method {
		case "generateContent", "streamGenerateContent":
		case "countTokens":
			var whole struct {
				Request json.RawMessage `json:"generateContentRequest"`
			}
			if json.Unmarshal(body, &whole) == nil && len(whole.Request) > 0 {
				body = whole.Request
			}
			wish.Free = true
		default:
			return wish, nil, answer.Failure{Status: http.StatusNotFound, Message: "Requested entity was not found."}
		}
		q, err := fill(&wish, body)
		if err != nil {
			return wish, nil, err
		}
		sse := r.URL.Query().Get("alt") == "sse"
		return wish, func(a *answer.Answer) exchange.Wire {
			if a.Free {
				return &countWire{a: a}
			}
			return &wire{a: a, list: !sse, thoughts: q.Config.Thinking.Include || a.Shown}
		}, nil
	}
}

// fill reads body into the wish.
func fill(wish *answer.Wish, body []byte) (*request, error) {
	q := new(request)
	var whole any
	if err := exchange.Decode(body, &whole); err != nil {
		return nil, err
	}
	if err := check(whole, requestFields(), ""); err != nil {
		return nil, err
	}
	if err := exchange.Decode(exchange.JSON(whole), q); err != nil {
		return nil, err
	}
	wish.Prompt = q.Contents
	var err error
	if wish.UserText, err = checkContents(q.Contents); err != nil {
		return nil, err
	}
	if err := q.checkConfig(); err != nil {
		return nil, err
	}
	if wish.Tools, err = q.functions(); err != nil {
		return nil, err
	}
	calling := q.ToolConfig.Calling
	switch {
	case calling.Mode == "ANY" && len(calling.Allowed) > 0:
		wish.Choice = answer.Choice{Mode: "named", Name: calling.Allowed[0]}
	case calling.Mode == "ANY":
		wish.Choice.Mode = "required"
	case calling.Mode == "NONE":
		wish.Choice.Mode = "none"
	}
	c := q.Config
	if c.Candidates != nil {
		wish.Choices = *c.Candidates
	}
	if c.MaxTokens != nil {
		wish.MaxTokens = *c.MaxTokens
	}
	wish.Schema = c.Schema
	if len(c.JSONSchema) > 0 {
		wish.Schema = c.JSONSchema
	}
	wish.Object = c.MimeType == "application/json" && len(wish.Schema) == 0
	return q, nil
}

func (q *request) checkConfig() error {
	c := q.Config
	schema := len(c.Schema) > 0 || len(c.JSONSchema) > 0
	switch {
	case len(c.Schema) > 0 && len(c.JSONSchema) > 0:
		return answer.Invalid("generationConfig", "* GenerateContentRequest.generation_config: only one of response_schema and response_json_schema may be set")
	case schema && c.MimeType != "application/json" && c.MimeType != "text/x.enum":
		return answer.Invalid("generationConfig", "* GenerateContentRequest.generation_config.response_mime_type: a response schema needs the mime type application/json")
	case c.Candidates != nil && (*c.Candidates < 1 || *c.Candidates > 8):
		return answer.Invalid("generationConfig", "* GenerateContentRequest.generation_config.candidate_count: must be in the range [1, 8]")
	case c.MaxTokens != nil && *c.MaxTokens < 1:
		return answer.Invalid("generationConfig", "* GenerateContentRequest.generation_config.max_output_tokens: must be positive")
	case c.Thinking.Budget != nil && c.Thinking.Level != "":
		return answer.Invalid("generationConfig", "You can only set only one of thinking budget and thinking level.")
	case c.Thinking.Budget != nil && (*c.Thinking.Budget < -1 || *c.Thinking.Budget > 32768):
		return answer.Invalid("generationConfig", "The thinking budget %d is invalid. Please choose a value between 0 and 32768.", *c.Thinking.Budget)
	}
	return nil
}

// functions are the declared ones.
func (q *request) functions() (tools []answer.Tool, err error) {
	for _, t := range q.Tools {
		for _, f := range t.Functions {
			if f.Name == "" {
				return nil, answer.Invalid("tools", "* GenerateContentRequest.tools[0].function_declarations[0].name: Invalid function name. "+
					"Must start with a letter or an underscore.")
			}
			tool := answer.Tool{Name: f.Name, Schema: f.Parameters}
			if len(f.JSONSchema) > 0 {
				tool.Schema = f.JSONSchema
			}
			tools = append(tools, tool)
		}
	}
	calling := q.ToolConfig.Calling
	switch calling.Mode {
	case "", "MODE_UNSPECIFIED", "AUTO", "ANY", "NONE", "VALIDATED":
	default:
		return nil, answer.Invalid("toolConfig", "Invalid value at 'tool_config.function_calling_config.mode', %q", calling.Mode)
	}
	if len(calling.Allowed) > 0 && calling.Mode != "ANY" && calling.Mode != "VALIDATED" {
		return nil, answer.Invalid("toolConfig", "* GenerateContentRequest.tool_config.function_calling_config.allowed_function_names: "+
			"should be set only when mode is ANY")
	}
	return tools, nil
}
