package answer

import (
	"fmt"
	"net/http"
)

// Failure is an error answer before it has the shape of a protocol. Kind and Code are OpenAI's words
// where a protocol has none of its own for the status.
type Failure struct {
	Status  int
	Kind    string
	Code    string
	Param   string // the field at fault, as it is written in the request
	Message string
}

func (f Failure) Error() string { return f.Message }

// Invalid is the refusal of a request for what stands in the field param.
func Invalid(param, format string, args ...any) Failure {
	return Failure{Status: http.StatusBadRequest, Kind: "invalid_request_error", Param: param, Message: fmt.Sprintf(format, args...)}
}

// Unauthorized is the refusal of a request without the credentials that its protocol asks for.
func Unauthorized(format string, args ...any) Failure {
	return Failure{Status: http.StatusUnauthorized, Kind: "invalid_request_error", Code: "invalid_api_key", Message: fmt.Sprintf(format, args...)}
}

// UnknownModel is the answer to a model that the provider does not have.
func UnknownModel(name string) Failure {
	return Failure{Status: http.StatusNotFound, Kind: "invalid_request_error", Code: "model_not_found",
		Message: fmt.Sprintf("The model `%s` does not exist or you do not have access to it.", name)}
}

// Asked is the error that the caller wanted by status=N.
func Asked(status int) Failure {
	f := Failure{Status: status, Kind: "invalid_request_error", Message: fmt.Sprintf("mock error %d, as asked", status)}
	switch {
	case status == http.StatusUnauthorized:
		f.Code = "invalid_api_key"
	case status == http.StatusTooManyRequests:
		f.Kind, f.Code = "requests", "rate_limit_exceeded"
	case status >= http.StatusInternalServerError:
		f.Kind = "server_error"
	}
	return f
}

// Broken is the error of the faults error200 and errormid, which come under status 200; a protocol that
// writes a status into the body takes the 500 that it stands for.
func Broken() Failure {
	return Failure{Status: http.StatusInternalServerError, Kind: "server_error", Code: "server_error",
		Message: "The server had an error while processing your request."}
}
