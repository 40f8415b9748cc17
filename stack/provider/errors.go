package provider

import (
	"fmt"
	"net/http"
)

// apiError is an error as OpenAI reports it.
type apiError struct {
	status  int
	kind    string
	code    string
	param   string
	message string
}

func (e apiError) Error() string { return e.message }

// body is the JSON that OpenAI sends: empty code and param are null.
func (e apiError) body() map[string]any {
	orNull := func(s string) any {
		if s == "" {
			return nil
		}
		return s
	}
	return map[string]any{"error": map[string]any{
		"message": e.message, "type": e.kind, "code": orNull(e.code), "param": orNull(e.param),
	}}
}

func writeError(w http.ResponseWriter, e apiError) {
	if e.status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "1")
	}
	writeJSON(w, e.status, e.body())
}

func invalid(param, format string, args ...any) apiError {
	return apiError{status: http.StatusBadRequest, kind: "invalid_request_error", param: param,
		message: fmt.Sprintf(format, args...)}
}

func unknownModel(name string) apiError {
	return apiError{status: http.StatusNotFound, kind: "invalid_request_error", code: "model_not_found",
		message: fmt.Sprintf("The model `%s` does not exist or you do not have access to it.", name)}
}

// asked is the error that the caller wanted by status=N, with OpenAI's type and code for it.
func asked(status int) apiError {
	e := apiError{status: status, kind: "invalid_request_error", message: fmt.Sprintf("mock error %d, as asked", status)}
	switch {
	case status == http.StatusUnauthorized:
		e.code = "invalid_api_key"
	case status == http.StatusTooManyRequests:
		e.kind, e.code = "requests", "rate_limit_exceeded"
	case status >= http.StatusInternalServerError:
		e.kind = "server_error"
	}
	return e
}

// inBody is the error of the faults error200 and errormid, which come under status 200.
func inBody() apiError {
	return apiError{status: http.StatusOK, kind: "server_error", code: "server_error",
		message: "The server had an error while processing your request."}
}
