package openapi

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// What follows are requests and answers as far as the gateway reads them; what else
// the providers' APIs have is passed on.

type embeddingsRequest struct {
	_        struct{}  `additionalProperties:"true"`
	Model    string    `json:"model" doc:"provider/model or provider/model@region" example:"openai/text-embedding-3-small"`
	Input    any       `json:"input" doc:"A text, tokens, or a list of either"`
	User     string    `json:"user,omitempty" doc:"The end user, where requesty.user_id is absent"`
	Requesty *requesty `json:"requesty,omitempty" doc:"For the gateway alone; never sent to a provider"`
}

type imageRequest struct {
	_             struct{}  `additionalProperties:"true"`
	Model         string    `json:"model" example:"openai/gpt-image-1"`
	Prompt        string    `json:"prompt"`
	N             int64     `json:"n,omitempty"`
	Size          string    `json:"size,omitempty"`
	Quality       string    `json:"quality,omitempty"`
	Stream        bool      `json:"stream,omitempty" doc:"Answer with server-sent events"`
	PartialImages int64     `json:"partial_images,omitempty"`
	User          string    `json:"user,omitempty"`
	Requesty      *requesty `json:"requesty,omitempty"`
}

type speechRequest struct {
	_              struct{}  `additionalProperties:"true"`
	Model          string    `json:"model" example:"openai/gpt-4o-mini-tts"`
	Input          string    `json:"input"`
	Voice          any       `json:"voice" doc:"A name, or an object with an id"`
	ResponseFormat string    `json:"response_format,omitempty"`
	StreamFormat   string    `json:"stream_format,omitempty" doc:"sse for events, which report the usage"`
	Requesty       *requesty `json:"requesty,omitempty"`
}

type messagesRequest struct {
	_         struct{}         `additionalProperties:"true"`
	Model     string           `json:"model" example:"anthropic/claude-sonnet-4-5"`
	Messages  []map[string]any `json:"messages" minItems:"1" nullable:"false" doc:"As in Anthropic's API"`
	MaxTokens int64            `json:"max_tokens,omitempty"`
	Stream    bool             `json:"stream,omitempty" doc:"Answer with server-sent events"`
	Metadata  map[string]any   `json:"metadata,omitempty" doc:"user_id is the end user, where requesty.user_id is absent"`
	Requesty  *requesty        `json:"requesty,omitempty" doc:"For the gateway alone; never sent to a provider"`
}

type responsesRequest struct {
	_               struct{}       `additionalProperties:"true"`
	Model           string         `json:"model" example:"openai/gpt-5.1"`
	Input           any            `json:"input" doc:"A text, or a list of items, as in OpenAI's API"`
	MaxOutputTokens int64          `json:"max_output_tokens,omitempty"`
	Stream          bool           `json:"stream,omitempty" doc:"Answer with server-sent events"`
	User            string         `json:"user,omitempty"`
	Metadata        map[string]any `json:"metadata,omitempty" doc:"Counts as requesty.extra too"`
	Requesty        *requesty      `json:"requesty,omitempty" doc:"For the gateway alone; never sent to a provider"`
}

// responsesAnswer is a response.
type responsesAnswer struct {
	_      struct{}         `additionalProperties:"true"`
	ID     string           `json:"id"`
	Object string           `json:"object" enum:"response"`
	Model  string           `json:"model" doc:"The model that served, as provider/model"`
	Output []map[string]any `json:"output" nullable:"false"`
	Usage  mediaUsage       `json:"usage"`
}

type listAnswer struct {
	_     struct{}         `additionalProperties:"true"`
	Data  []map[string]any `json:"data" nullable:"false"`
	Model string           `json:"model,omitempty" doc:"The model that served, as provider/model, where the provider names it"`
	Usage *mediaUsage      `json:"usage,omitempty"`
}

type transcript struct {
	_     struct{}    `additionalProperties:"true"`
	Text  string      `json:"text"`
	Usage *mediaUsage `json:"usage,omitempty"`
}

type mediaUsage struct {
	_            struct{} `additionalProperties:"true"`
	PromptTokens int64    `json:"prompt_tokens,omitempty" doc:"Of embeddings"`
	InputTokens  int64    `json:"input_tokens,omitempty"`
	OutputTokens int64    `json:"output_tokens,omitempty"`
	TotalTokens  int64    `json:"total_tokens,omitempty"`
	Seconds      float64  `json:"seconds,omitempty" doc:"Of sound, where that is what is billed"`
	Cost         float64  `json:"cost,omitempty" doc:"US dollars, exact in the text of the answer"`
}

type tokenCount struct {
	InputTokens int64 `json:"input_tokens"`
}

// messagesAnswer is Anthropic's.
type messagesAnswer struct {
	_       struct{}         `additionalProperties:"true"`
	ID      string           `json:"id"`
	Type    string           `json:"type" enum:"message"`
	Model   string           `json:"model" doc:"The model that served, as provider/model"`
	Content []map[string]any `json:"content" nullable:"false"`
	Usage   map[string]any   `json:"usage" doc:"With cost, US dollars"`
}

// form describes the fields of a form, of which the named ones are needed.
func form(fields map[string]*huma.Schema, needed ...string) map[string]*huma.MediaType {
	fields["model"] = field("provider/model or provider/model@region", "mock/small")
	fields["requesty"] = field("For the gateway alone, as JSON; or field by field: requesty[user_id], requesty[trace_id], requesty[tags][], requesty[extra][name]", `{"tags": ["docs"]}`)
	return map[string]*huma.MediaType{"multipart/form-data": {Schema: &huma.Schema{Type: huma.TypeObject, Properties: fields, Required: append([]string{"model"}, needed...), AdditionalProperties: true}}}
}

func file(what string) *huma.Schema {
	return &huma.Schema{Type: huma.TypeString, Format: "binary", Description: what}
}

// field is a field of a form. The page sends its example, for want of one the word
// "string"; the lists of examples that OpenAPI 3.1 would have it does not read here.
func field(what, example string) *huma.Schema {
	s := text(what)
	s.Extensions = map[string]any{"example": example}
	return s
}

func text(what string) *huma.Schema { return &huma.Schema{Type: huma.TypeString, Description: what} }

// further are the endpoints beside Chat Completions.
func further(jsonOf func(reflect.Type) map[string]*huma.MediaType, keyed []map[string][]string, failure *huma.Response) []*huma.Operation {
	call := func(id, path, summary string, body map[string]*huma.MediaType, answer map[string]*huma.MediaType, events string) *huma.Operation {
		if events != "" {
			answer["text/event-stream"] = &huma.MediaType{Schema: text(events)}
		}
		return &huma.Operation{OperationID: id, Method: http.MethodPost, Path: path, Tags: []string{inferenceTag}, Security: keyed, Summary: summary,
			RequestBody: &huma.RequestBody{Required: true, Content: shown(path, body)},
			Responses:   map[string]*huma.Response{"200": {Description: "The answer", Content: answer, Headers: answerHeaders()}, "default": failure}}
	}
	message, count := reflect.TypeFor[messagesAnswer](), reflect.TypeFor[tokenCount]()
	said, asked, list := jsonOf(reflect.TypeFor[transcript]()), reflect.TypeFor[messagesRequest](), reflect.TypeFor[listAnswer]()
	said["text/plain"] = &huma.MediaType{Schema: text("For the formats text, srt and vtt")}
	ops := []*huma.Operation{
		call("create-response", "/v1/responses", "A response as OpenAI's API has it, plain or streamed", jsonOf(reflect.TypeFor[responsesRequest]()), jsonOf(reflect.TypeFor[responsesAnswer]()), "Events as in OpenAI's API"),
		call("create-embeddings", "/v1/embeddings", "Embeddings", jsonOf(reflect.TypeFor[embeddingsRequest]()), jsonOf(list), ""),
		call("create-image", "/v1/images/generations", "Images from a text", jsonOf(reflect.TypeFor[imageRequest]()), jsonOf(list), "image_generation.partial_image and .completed"),
		call("edit-image", "/v1/images/edits", "Images from images", form(map[string]*huma.Schema{"image": file("An image, or several as image[]"), "mask": file("Where to edit"),
			"prompt": field("What to make", "A weir at dawn"), "stream": field("true for server-sent events", "false")}, "image", "prompt"), jsonOf(list), "image_edit.partial_image and .completed"),
		call("create-speech", "/v1/audio/speech", "Speech from a text", jsonOf(reflect.TypeFor[speechRequest]()), map[string]*huma.MediaType{"audio/*": {Schema: file("Sound, as it is made")}},
			"speech.audio.delta and .done"),
		call("create-transcription", "/v1/audio/transcriptions", "A text from speech", form(map[string]*huma.Schema{"file": file("The sound"), "prompt": field("Words to expect", "weir"),
			"response_format": field("json, verbose_json, text, srt or vtt", "json"), "stream": field("true for server-sent events", "false")}, "file"), said, "transcript.text.delta and .done"),
	}
	for _, prefix := range []struct{ path, id, note string }{{"", "", ""}, {"/anthropic", "anthropic-", ", for SDKs whose base URL ends in /anthropic"}} {
		ops = append(ops,
			call(prefix.id+"create-message", prefix.path+"/v1/messages", "A message as Anthropic's API has it, plain or streamed"+prefix.note, jsonOf(asked), jsonOf(message), "Events as in Anthropic's API"),
			call(prefix.id+"count-message-tokens", prefix.path+"/v1/messages/count_tokens", "How many tokens a message has"+prefix.note, jsonOf(asked), jsonOf(count), ""))
	}
	return ops
}
