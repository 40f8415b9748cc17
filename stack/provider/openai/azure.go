package openai

import (
	"net/http"
	"strings"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

// keyed asks for Azure's credentials: the header api-key, or a token of Entra as bearer.
func keyed(read reader) reader {
	return func(r *http.Request, body []byte) (answer.Wish, exchange.Writer, error) {
		token, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if r.Header.Get("Api-Key") == "" && (!bearer || token == "") {
			f := answer.Unauthorized("Access denied due to invalid subscription key or wrong API endpoint. " +
				"Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource.")
			f.Code = "401"
			return answer.Wish{}, nil, f
		}
		return read(r, body)
	}
}

// versioned takes the model from the path's deployment, whatever the body says, and asks for api-version.
func versioned(read reader) reader {
	return func(r *http.Request, body []byte) (answer.Wish, exchange.Writer, error) {
		if r.URL.Query().Get("api-version") == "" {
			return answer.Wish{}, nil, answer.Failure{Status: http.StatusNotFound, Code: "404", Message: "Resource not found"}
		}
		return read(r, body)
	}
}

// deployment is the model that the path names, "" where it names none.
func deployment(r *http.Request) string { return r.PathValue("deployment") }

// refuseAzure writes errors as Azure does: the front door's have only a code and a message.
func refuseAzure(r *http.Request, header http.Header, f answer.Failure) []byte {
	if f.Code == "model_not_found" {
		f.Code, f.Message = "DeploymentNotFound", "The API deployment for this resource does not exist. "+
			"If you created the deployment within the last 5 minutes, please wait a moment and try again."
	}
	switch f.Code {
	case "401", "404", "DeploymentNotFound":
		return append(exchange.JSON(object{"error": object{"code": f.Code, "message": f.Message}}), '\n')
	}
	if f.Status == http.StatusTooManyRequests {
		f.Kind, f.Code = "", "429"
		header.Set("Retry-After-Ms", "1000")
	}
	return refuse(r, header, f)
}
