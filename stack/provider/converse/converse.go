// Package converse is Amazon Bedrock's side of the mock provider: Converse, and ConverseStream in the framing
// of AWS's event streams. A call must be signed (Signature Version 4) or have a bearer token; the form of the
// signature is checked always, the signature itself where the secret is known. Bodies that Bedrock would refuse
// are refused with its ValidationException. Nothing is shared between requests.
package converse

import (
	"net/http"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

type object = map[string]any

// Routes puts Bedrock's paths on mux. The secret is the one that calls are signed with, "" to look at the form
// of their signatures only.
func Routes(mux *http.ServeMux, desk *exchange.Desk, secret string) {
	for path, stream := range map[string]bool{"converse": false, "converse-stream": true} {
		mux.HandleFunc("POST /model/{modelId}/"+path, desk.Handle(exchange.Protocol{Name: "converse", Refuse: refuse,
			Read: func(r *http.Request, body []byte) (answer.Wish, exchange.Writer, error) {
				wish := answer.Wish{Model: r.PathValue("modelId"), Stream: stream}
				if err := checkAuth(r, body, secret); err != nil {
					return wish, nil, err
				}
				if err := fill(&wish, body); err != nil {
					return wish, nil, err
				}
				return wish, func(a *answer.Answer) exchange.Wire { return &wire{a: a} }, nil
			}}))
	}
}

// exception is AWS's name of an error with this status.
func exception(f answer.Failure) string {
	if f.Code == "signature" {
		return f.Kind
	}
	switch f.Status {
	case http.StatusUnauthorized, http.StatusForbidden, http.StatusPaymentRequired:
		return "AccessDeniedException"
	case http.StatusNotFound:
		return "ResourceNotFoundException"
	case http.StatusRequestTimeout:
		return "ModelTimeoutException"
	case http.StatusFailedDependency:
		return "ModelErrorException"
	case http.StatusTooManyRequests:
		return "ThrottlingException"
	case http.StatusServiceUnavailable:
		return "ServiceUnavailableException"
	}
	if f.Status >= http.StatusInternalServerError {
		return "InternalServerException"
	}
	return "ValidationException"
}

func refuse(_ *http.Request, header http.Header, f answer.Failure) []byte {
	header.Set("X-Amzn-Requestid", "00000000-0000-4000-8000-000000000000")
	header.Set("X-Amzn-Errortype", exception(f))
	if f.Code == "model_not_found" {
		f.Message = "Could not resolve the foundation model from the provided model identifier."
	}
	return exchange.JSON(object{"message": f.Message})
}
