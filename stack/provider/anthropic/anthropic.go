// Package anthropic is Anthropic's side of the mock provider: messages, plain and streamed, and the counting
// of their tokens. It refuses, in Anthropic's words, what Anthropic refuses: fields it does not know, results of
// tools without their calls, budgets that do not fit, thoughts whose signature is not the one that it gave.
// Nothing is shared between requests.
package anthropic

import (
	"net/http"
	"slices"
	"strings"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

type object = map[string]any

// Routes puts Anthropic's paths on mux.
func Routes(mux *http.ServeMux, desk *exchange.Desk) {
	mux.HandleFunc("POST /v1/messages", desk.Handle(exchange.Protocol{Name: "messages", Read: readMessages, Refuse: refuse}))
	mux.HandleFunc("POST /v1/messages/count_tokens", desk.Handle(exchange.Protocol{Name: "count_tokens", Read: readCount, Refuse: refuse}))
}

// checkHeaders asks for a key and for the version.
func checkHeaders(r *http.Request) error {
	token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	switch {
	case r.Header.Get("X-Api-Key") == "" && (!bearer || token == ""):
		return answer.Unauthorized("x-api-key header is required")
	case r.Header.Get("Anthropic-Version") == "":
		return answer.Invalid("anthropic-version", "anthropic-version: header is required")
	case !slices.Contains([]string{"2023-01-01", "2023-06-01", "2026-10-21"}, r.Header.Get("Anthropic-Version")):
		return answer.Invalid("anthropic-version", "anthropic-version: %q is not a valid version", r.Header.Get("Anthropic-Version"))
	}
	return nil
}

// kind is Anthropic's type of an error with this status.
func kind(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "authentication_error"
	case http.StatusPaymentRequired:
		return "billing_error"
	case http.StatusForbidden:
		return "permission_error"
	case http.StatusNotFound:
		return "not_found_error"
	case http.StatusRequestEntityTooLarge:
		return "request_too_large"
	case http.StatusTooManyRequests:
		return "rate_limit_error"
	case http.StatusGatewayTimeout:
		return "timeout_error"
	case 529:
		return "overloaded_error"
	}
	if status >= http.StatusInternalServerError {
		return "api_error"
	}
	return "invalid_request_error"
}

func errorBody(f answer.Failure, id string) object {
	if f.Code == "model_not_found" {
		name, _, _ := strings.Cut(strings.TrimPrefix(f.Message, "The model `"), "`")
		f.Message = "model: " + name
	}
	return object{"type": "error", "error": object{"type": kind(f.Status), "message": f.Message}, "request_id": id}
}

func refuse(_ *http.Request, header http.Header, f answer.Failure) []byte {
	const id = "req_mock_refused"
	header.Set("Request-Id", id)
	return exchange.JSON(errorBody(f, id))
}
