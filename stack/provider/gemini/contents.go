package gemini

import (
	"encoding/base64"
	"encoding/json"
	"strings"

	"weir/stack/provider/answer"
)

type content struct {
	Role  string `json:"role"`
	Parts []part `json:"parts"`
}

type part struct {
	Text       *string         `json:"text"`
	Inline     *inlineData     `json:"inlineData"`
	File       json.RawMessage `json:"fileData"`
	Call       *functionCall   `json:"functionCall"`
	Response   *functionResult `json:"functionResponse"`
	Executable json.RawMessage `json:"executableCode"`
	Result     json.RawMessage `json:"codeExecutionResult"`
	Signature  string          `json:"thoughtSignature"`
}

type inlineData struct {
	MimeType string `json:"mimeType"`
	Data     string `json:"data"`
}

type functionCall struct {
	Name string          `json:"name"`
	Args json.RawMessage `json:"args"`
}

type functionResult struct {
	Name     string          `json:"name"`
	Response json.RawMessage `json:"response"`
}

// checkContents refuses turns that do not fit each other and returns the text of the user's last one.
func checkContents(raw json.RawMessage) (lastUser string, err error) {
	var contents []content
	if len(raw) > 0 && json.Unmarshal(raw, &contents) != nil {
		return "", answer.Invalid("contents", "Invalid value at 'contents' (oneof), expected a list of contents")
	}
	if len(contents) == 0 {
		return "", answer.Invalid("contents", "* GenerateContentRequest.contents: contents is not specified")
	}
	var open []string // the functions that the turn before calls
	before := ""
	for i, c := range contents {
		role := c.Role
		if role == "" || role == "function" {
			role = "user"
		}
		switch {
		case role != "user" && role != "model":
			return "", answer.Invalid("contents", "Please use a valid role: user, model.")
		case role == before:
			return "", answer.Invalid("contents", "Please ensure that multiturn requests alternate between user and model.")
		case len(c.Parts) == 0:
			return "", answer.Invalid("contents", "* GenerateContentRequest.contents[%d].parts: contents.parts must not be empty.", i)
		}
		var calls, results []string
		var text strings.Builder
		for j, p := range c.Parts {
			if err := p.check(i, j); err != nil {
				return "", err
			}
			switch {
			case p.Call != nil:
				calls = append(calls, p.Call.Name)
			case p.Response != nil:
				results = append(results, p.Response.Name)
			case p.Text != nil:
				text.WriteString(*p.Text)
			}
		}
		if err := fits(role, open, calls, results, i); err != nil {
			return "", err
		}
		if role == "user" {
			lastUser = text.String()
		}
		open, before = calls, role
	}
	return lastUser, nil
}

// fits refuses calls and results at the wrong place.
func fits(role string, open, calls, results []string, i int) error {
	switch {
	case len(calls) > 0 && (role != "model" || i == 0):
		return answer.Invalid("contents", "Please ensure that function call turn comes immediately after a user turn or after a function response turn.")
	case len(results) > 0 && len(open) == 0:
		return answer.Invalid("contents", "Please ensure that function response turn comes immediately after a function call turn.")
	case len(results) != len(open):
		return answer.Invalid("contents", "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn.")
	}
	for _, name := range results {
		if !strings.Contains(" "+strings.Join(open, " ")+" ", " "+name+" ") {
			return answer.Invalid("contents", "Please ensure that function response name %q is that of a function call of the turn before.", name)
		}
	}
	return nil
}

// unchecked is what the API lets a call be signed with that another model made.
const unchecked = "skip_thought_signature_validator"

func (p part) check(i, j int) error {
	kinds := 0
	for _, there := range []bool{p.Text != nil, p.Inline != nil, len(p.File) > 0, p.Call != nil, p.Response != nil, len(p.Executable) > 0, len(p.Result) > 0} {
		if there {
			kinds++
		}
	}
	signature, err := decode(p.Signature)
	switch {
	case kinds != 1:
		return answer.Invalid("contents", "* GenerateContentRequest.contents[%d].parts[%d].data: required oneof field 'data' must have one initialized field", i, j)
	case p.Signature != "" && p.Signature != unchecked && (err != nil || !strings.HasPrefix(string(signature), "mock")):
		return answer.Invalid("contents", "Thought signature is not valid.")
	case p.Inline != nil:
		if _, err := decode(p.Inline.Data); err != nil || p.Inline.Data == "" {
			return answer.Invalid("contents", "Invalid value at 'contents[%d].parts[%d].inline_data.data' (TYPE_BYTES), Base64 decoding failed", i, j)
		}
		if p.Inline.MimeType == "" {
			return answer.Invalid("contents", "Unable to submit request because it must have a mimeType parameter.")
		}
	case p.Call != nil && len(p.Call.Args) > 0 && p.Call.Args[0] != '{':
		return answer.Invalid("contents", "Invalid value at 'contents[%d].parts[%d].function_call.args' (type.googleapis.com/google.protobuf.Struct)", i, j)
	case p.Response != nil && (len(p.Response.Response) == 0 || p.Response.Response[0] != '{'):
		return answer.Invalid("contents", "Invalid value at 'contents[%d].parts[%d].function_response.response' (type.googleapis.com/google.protobuf.Struct)", i, j)
	}
	return nil
}

// decode reads base64 of either alphabet, padded or not, as Google does.
func decode(text string) ([]byte, error) {
	text = strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	return base64.RawStdEncoding.DecodeString(text)
}
