// Package gemini is Google's side of the mock provider: generateContent, plain and streamed, countTokens and
// batchEmbedContents, at the paths of the Gemini API (with a key) and of Vertex AI (with a bearer token). It refuses, in Google's
// words, fields that it does not know, also within schemas, and turns that do not fit each other. Nothing is
// shared between requests.
package gemini

import (
	"fmt"
	"net/http"
	"strings"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

type object = map[string]any

// Routes puts Google's paths on mux.
func Routes(mux *http.ServeMux, desk *exchange.Desk) {
	for _, version := range []string{"v1beta", "v1"} {
		mux.HandleFunc("POST /"+version+"/models/{call}", desk.Handle(exchange.Protocol{Name: "gemini", Read: readWith(checkKey), Refuse: refuse}))
	}
	for _, version := range []string{"v1", "v1beta1"} {
		mux.HandleFunc("POST /"+version+"/projects/{project}/locations/{location}/publishers/google/models/{call}",
			desk.Handle(exchange.Protocol{Name: "vertex", Read: readWith(checkBearer), Refuse: refuse}))
	}
}

func checkKey(r *http.Request) error {
	if r.Header.Get("X-Goog-Api-Key") == "" && r.URL.Query().Get("key") == "" {
		return answer.Failure{Status: http.StatusForbidden, Message: "Method doesn't allow unregistered callers (callers without " +
			"established identity). Please use API Key or other form of API consumer identity to call this API."}
	}
	return nil
}

func checkBearer(r *http.Request) error {
	if token, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer "); !ok || token == "" {
		return answer.Unauthorized("Request is missing required authentication credential. Expected OAuth 2 access token, login " +
			"cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.")
	}
	return nil
}

// call splits the last part of the path, "small:out=5:generateContent", into the model and what is asked of it.
func call(r *http.Request) (model, method string) {
	path := r.PathValue("call")
	i := strings.LastIndexByte(path, ':')
	if i < 0 {
		return path, ""
	}
	return path[:i], path[i+1:]
}

// status is Google's name of an error with this status.
func status(code int) string {
	switch code {
	case http.StatusUnauthorized:
		return "UNAUTHENTICATED"
	case http.StatusForbidden:
		return "PERMISSION_DENIED"
	case http.StatusNotFound:
		return "NOT_FOUND"
	case http.StatusConflict:
		return "ABORTED"
	case http.StatusTooManyRequests:
		return "RESOURCE_EXHAUSTED"
	case http.StatusServiceUnavailable:
		return "UNAVAILABLE"
	case http.StatusGatewayTimeout:
		return "DEADLINE_EXCEEDED"
	}
	if code >= http.StatusInternalServerError {
		return "INTERNAL"
	}
	return "INVALID_ARGUMENT"
}

func errorBody(f answer.Failure) object {
	e := object{"code": f.Status, "message": f.Message, "status": status(f.Status)}
	if f.Status == http.StatusTooManyRequests {
		e["details"] = []object{{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "1s"}}
	}
	return object{"error": e}
}

// refuse puts the error into a list where the answer would have been one.
func refuse(r *http.Request, _ http.Header, f answer.Failure) []byte {
	model, method := call(r)
	if f.Code == "model_not_found" {
		f.Message = fmt.Sprintf("models/%s is not found for API version v1beta, or is not supported for %s.", model, method)
	}
	body := exchange.JSON(errorBody(f))
	if method == "streamGenerateContent" && r.URL.Query().Get("alt") != "sse" {
		return append(append([]byte{'['}, body...), ']')
	}
	return body
}
