package messages

import (
	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// AppendError appends {"type": "error", "error": {…}, "request_id"}.
func (Format) AppendError(out []byte, e *apierror.Error, requestID string) []byte {
	out = append(out, `{"type":"error","error":{"type":"`...)
	out = append(out, errorType(e.Status)...)
	out = append(out, `","message":`...)
	out = jsonscan.AppendString(out, e.Message)
	out = append(out, `},"request_id":`...)
	out = jsonscan.AppendString(out, requestID)
	return append(out, '}')
}

// AppendErrorEvent appends the same as the event that ends a stream.
func (f Format) AppendErrorEvent(out []byte, e *apierror.Error, requestID string) []byte {
	out = append(out, "event: error\ndata: "...)
	out = f.AppendError(out, e, requestID)
	return append(out, "\n\n"...)
}

// errorType is the API's word for a status.
func errorType(status int) string {
	switch status {
	case 401:
		return "authentication_error"
	case 402, 412: // 412 is a spend limit of the gateway's
		return "billing_error"
	case 403:
		return "permission_error"
	case 404:
		return "not_found_error"
	case 408, 504:
		return "timeout_error"
	case 413:
		return "request_too_large"
	case 429:
		return "rate_limit_error"
	case 503, 529:
		return "overloaded_error"
	case 424: // what the provider sent could not be read
		return "api_error"
	}
	if status >= 500 {
		return "api_error"
	}
	return "invalid_request_error"
}

// errorStatus is the status that the API gives an error of the type, for errors that
// come under status 200.
func errorStatus(kind string) int {
	switch kind {
	case "invalid_request_error":
		return 400
	case "authentication_error":
		return 401
	case "billing_error":
		return 402
	case "permission_error":
		return 403
	case "not_found_error":
		return 404
	case "request_too_large":
		return 413
	case "rate_limit_error":
		return 429
	case "timeout_error":
		return 504
	case "overloaded_error":
		return 529
	case "api_error":
		return 500
	}
	return 502
}

// ReadError reads an answer with an error status.
func (Protocol) ReadError(status int, text []byte) *apierror.Error {
	return wire.ReadError(status, text)
}

// errorInside is the error of {"type": "error", "error": {…}} at text[start], which came
// under status 200.
func errorInside(text []byte, start int) *apierror.Error {
	status := 502
	for m := jsonscan.Object(text, start); m.Next(); {
		if string(m.Name()) != "error" || m.Kind() != '{' {
			continue
		}
		for inner := jsonscan.Object(text, m.Value.Start); inner.Next(); {
			if string(inner.Name()) == "type" && inner.Kind() == '"' {
				status = errorStatus(jsonscan.String(text, inner.Value))
			}
		}
	}
	return wire.ReadError(status, text[start:])
}

func unreadable(what string) *apierror.Error {
	return apierror.New(apierror.ProviderUnreadable, what)
}

// brokenOff is the error of a stream that said neither why nor that it ended.
func brokenOff() *apierror.Error {
	return apierror.New(apierror.ProviderCut, "The provider's stream ended before the answer did.")
}
