package exchange

import (
	"encoding/json"
	"errors"

	"weir/stack/provider/answer"
)

// JSON is v as it goes over the wire; it is for values that always marshal.
func JSON(v any) []byte {
	text, _ := json.Marshal(v)
	return text
}

// Event is a server-sent event with data v, named unless name is "".
func Event(name string, v any) []byte {
	var b []byte
	if name != "" {
		b = append(b, "event: "+name+"\n"...)
	}
	b = append(b, "data: "...)
	b = append(b, JSON(v)...)
	return append(b, "\n\n"...)
}

// Decode reads a body into v, and says what is wrong in OpenAI's words, which are as good as any.
func Decode(body []byte, v any) error {
	err := json.Unmarshal(body, v)
	if err == nil {
		return nil
	}
	if kind := (*json.UnmarshalTypeError)(nil); errors.As(err, &kind) {
		return answer.Invalid(kind.Field, "Invalid type for '%s': expected %s, but got %s instead.", kind.Field, kind.Type, kind.Value)
	}
	return answer.Invalid("", "We could not parse the JSON body of your request: %v", err)
}
