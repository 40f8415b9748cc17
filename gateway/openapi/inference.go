package openapi

import (
	"net/http"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"weir/internal/catalog"
)

const (
	inferenceTag = "Inference"
	serviceTag   = "Service"
)

// chatRequest is a chat completion request as far as the gateway reads it. What
// else OpenAI's API has is passed on.
type chatRequest struct {
	_                   struct{}         `additionalProperties:"true"`
	Model               string           `json:"model" doc:"provider/model or provider/model@region; policy/name is a routing policy" example:"openai/gpt-5.1"`
	Messages            []map[string]any `json:"messages" minItems:"1" nullable:"false" doc:"As in OpenAI's API"`
	Stream              bool             `json:"stream,omitempty" doc:"Answer with server-sent events"`
	StreamOptions       *streamOptions   `json:"stream_options,omitempty"`
	MaxTokens           int64            `json:"max_tokens,omitempty" doc:"Bounds the answer; needed for a tight reservation against budgets"`
	MaxCompletionTokens int64            `json:"max_completion_tokens,omitempty"`
	ServiceTier         string           `json:"service_tier,omitempty" doc:"Passed on; callers with a budget may name one whose price is known"`
	User                string           `json:"user,omitempty" doc:"The end user, where requesty.user_id is absent"`
	Metadata            map[string]any   `json:"metadata,omitempty" doc:"Counts as requesty.extra too"`
	Requesty            *requesty        `json:"requesty,omitempty" doc:"For the gateway alone; never sent to a provider"`
}

type streamOptions struct {
	_            struct{} `additionalProperties:"true"`
	IncludeUsage bool     `json:"include_usage,omitempty" doc:"Ends a stream with a chunk that holds the usage"`
}

type requesty struct {
	_         struct{}          `additionalProperties:"true"`
	Tags      []string          `json:"tags,omitempty" nullable:"false" maxItems:"64"`
	UserID    string            `json:"user_id,omitempty" maxLength:"256"`
	TraceID   string            `json:"trace_id,omitempty" maxLength:"256"`
	Extra     map[string]string `json:"extra,omitempty"`
	AutoCache bool              `json:"auto_cache,omitempty"`
}

// chatAnswer is a chat completion.
type chatAnswer struct {
	_       struct{}         `additionalProperties:"true"`
	ID      string           `json:"id"`
	Object  string           `json:"object"`
	Model   string           `json:"model" doc:"The model that served, as provider/model"`
	Choices []map[string]any `json:"choices" nullable:"false"`
	Usage   chatUsage        `json:"usage"`
}

type chatUsage struct {
	_                       struct{}          `additionalProperties:"true"`
	PromptTokens            int64             `json:"prompt_tokens"`
	CompletionTokens        int64             `json:"completion_tokens"`
	TotalTokens             int64             `json:"total_tokens"`
	Cost                    float64           `json:"cost" doc:"US dollars, exact in the text of the answer"`
	PromptTokensDetails     promptDetails     `json:"prompt_tokens_details"`
	CompletionTokensDetails completionDetails `json:"completion_tokens_details"`
}

type promptDetails struct {
	_             struct{} `additionalProperties:"true"`
	CachedTokens  int64    `json:"cached_tokens,omitempty" doc:"Read from the provider's cache"`
	CachingTokens int64    `json:"caching_tokens,omitempty" doc:"Written to it"`
}

type completionDetails struct {
	_               struct{} `additionalProperties:"true"`
	ReasoningTokens int64    `json:"reasoning_tokens,omitempty"`
}

type modelList struct {
	Object string          `json:"object" enum:"list"`
	Data   []catalog.Model `json:"data" nullable:"false"`
}

type keyCheck struct {
	Status string     `json:"status" enum:"ok"`
	Key    checkedKey `json:"key"`
}

type checkedKey struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

// inference are the operations that the gateway answers without huma.
func inference(r huma.Registry) []*huma.Operation {
	schema := func(t reflect.Type) *huma.Schema { return r.Schema(t, true, "") }
	jsonOf := func(t reflect.Type) map[string]*huma.MediaType {
		return map[string]*huma.MediaType{"application/json": {Schema: schema(t)}}
	}
	text := func(description, mediaType string) *huma.Response {
		return &huma.Response{Description: description, Content: map[string]*huma.MediaType{mediaType: {Schema: &huma.Schema{Type: huma.TypeString}}}}
	}
	failure := &huma.Response{Description: "Error", Headers: map[string]*huma.Param{
		"Retry-After": {Description: "Seconds, where trying again may help", Schema: &huma.Schema{Type: huma.TypeString}},
	}, Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Ref: "#/components/schemas/ErrorBody"}}}}
	keyed := []map[string][]string{{bearer: {}}, {apiKey: {}}}
	request := shown("/v1/chat/completions", jsonOf(reflect.TypeFor[chatRequest]()))
	open := []map[string][]string{{}, {bearer: {}}, {apiKey: {}}}

	completion := jsonOf(reflect.TypeFor[chatAnswer]())
	completion["text/event-stream"] = &huma.MediaType{Schema: &huma.Schema{Type: huma.TypeString, Description: "Chunks as in OpenAI's API, ended by data: [DONE]"}}
	return append(further(jsonOf, keyed, failure), []*huma.Operation{
		{
			OperationID: "create-chat-completion", Method: http.MethodPost, Path: "/v1/chat/completions", Tags: []string{inferenceTag}, Security: keyed,
			Summary:     "A chat completion, plain or streamed",
			RequestBody: &huma.RequestBody{Required: true, Content: request},
			Responses: map[string]*huma.Response{
				"200": {Description: "The answer", Content: completion, Headers: answerHeaders()}, "default": failure,
			},
		},
		{
			OperationID: "list-models", Method: http.MethodGet, Path: "/v1/models", Tags: []string{inferenceTag}, Security: open,
			Summary:   "The models that may be called, with their prices",
			Responses: map[string]*huma.Response{"200": {Description: "The models", Content: jsonOf(reflect.TypeFor[modelList]())}, "default": failure},
		},
		{
			OperationID: "get-model", Method: http.MethodGet, Path: "/v1/models/{id}", Tags: []string{inferenceTag}, Security: open,
			Summary:    "One model",
			Parameters: []*huma.Param{{Name: "id", In: "path", Required: true, Description: "provider/model; the slash may be written as it is", Schema: &huma.Schema{Type: huma.TypeString}}},
			Responses:  map[string]*huma.Response{"200": {Description: "The model", Content: jsonOf(reflect.TypeFor[catalog.Model]())}, "default": failure},
		},
		{
			OperationID: "check-key", Method: http.MethodGet, Path: "/v1/auth/check", Tags: []string{inferenceTag}, Security: keyed,
			Summary:   "Whether a key is live",
			Responses: map[string]*huma.Response{"200": {Description: "It is", Content: jsonOf(reflect.TypeFor[keyCheck]())}, "default": failure},
		},
		probe("get-health", "/healthz", "Whether the process is alive", text("It is", "text/plain")),
		probe("get-readiness", "/readyz", "Whether it can serve", text("It can", "text/plain")),
		probe("get-metrics", "/metrics", "Prometheus metrics", text("In Prometheus's text format", "text/plain")),
		probe("get-openapi", "/openapi.json", "This document", &huma.Response{Description: "OpenAPI 3.1", Content: map[string]*huma.MediaType{"application/json": {Schema: &huma.Schema{Type: huma.TypeObject}}}}),
		probe("get-reference", "/docs", "This document as a page that makes calls", text("A page", "text/html")),
	}...)
}

func probe(id, path, summary string, ok *huma.Response) *huma.Operation {
	return &huma.Operation{OperationID: id, Method: http.MethodGet, Path: path, Tags: []string{serviceTag}, Summary: summary, Security: []map[string][]string{{}},
		Responses: map[string]*huma.Response{"200": ok}}
}

// answerHeaders stand on every answer under /v1, errors and streams included.
func answerHeaders() map[string]*huma.Param {
	headers := map[string]*huma.Param{}
	for _, h := range []struct{ name, what string }{
		{"x-requesty-request-id", "req_ and a ULID; also in the ledger"},
		{"x-requesty-provider", "The provider that served"},
		{"x-requesty-model", "The model that served, as provider/model"},
		{"x-requesty-cache", "MISS or HIT"},
		{"x-requesty-latency-ms", "To the first byte"},
		{"x-requesty-attempts", "How many providers were tried"},
		{"x-requesty-cost-usd", "Of an answer that is no stream"},
		{"x-requesty-warnings", "That an output limit was set or lowered, so that the call fits a budget"},
		{"x-ratelimit-limit-requests", "Calls a minute, of the limit of which least remains; absent without limits, as all of these"},
		{"x-ratelimit-remaining-requests", "How many of them are left"},
		{"x-ratelimit-reset-requests", "When all are left again, such as 1.5s"},
		{"x-ratelimit-limit-tokens", "Tokens a minute"},
		{"x-ratelimit-remaining-tokens", "How many of them are left"},
		{"x-ratelimit-reset-tokens", "When all are left again"},
	} {
		headers[h.name] = &huma.Param{Description: h.what, Schema: &huma.Schema{Type: huma.TypeString}}
	}
	return headers
}
