package converse

import (
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// ReadError reads {"message": …}, or {"Message": …} as what stands before the service
// writes it. The exception's name is in a header that does not come here, or in __type.
func (Protocol) ReadError(status int, text []byte) *apierror.Error {
	e := wire.ReadError(status, text)
	if _, ok := jsonscan.Valid(text); !ok || e.Kind == apierror.ProviderCredentials {
		return e
	}
	at := jsonscan.Space(text, 0)
	if text[at] != '{' {
		return e
	}
	object := jsonscan.Span{Start: at, End: len(text)}
	if said := member(text, object, "Message"); said != "" {
		e.Message = wire.ReadError(status, append(jsonscan.AppendString([]byte(`{"message":`), said), '}')).Message
	}
	if name := member(text, object, "__type"); name != "" {
		e.Code = exception(name)
	}
	return e
}

// exception is the name of an exception without the space that it is from.
func exception(name string) string {
	if i := strings.LastIndexByte(name, '#'); i >= 0 {
		name = name[i+1:]
	}
	name = name[:min(len(name), 64)]
	if name != "" && name[0] >= 'a' && name[0] <= 'z' { // as streams write it
		name = string(name[0]-'a'+'A') + name[1:]
	}
	return name
}

// statusOf is the status that AWS documents for an exception
// (docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_ConverseStream.html).
func statusOf(name string) int {
	switch exception(name) {
	case "ValidationException", "ServiceQuotaExceededException":
		return 400
	case "AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException":
		return 403
	case "ResourceNotFoundException":
		return 404
	case "ModelTimeoutException":
		return 408
	case "ModelErrorException", "ModelStreamErrorException":
		return 424
	case "ThrottlingException", "ModelNotReadyException":
		return 429
	case "ServiceUnavailableException":
		return 503
	}
	return 500
}

// failure is an exception in a stream.
func failure(name string, payload []byte, message string) *apierror.Error {
	if message != "" {
		payload = append(jsonscan.AppendString([]byte(`{"message":`), message), '}')
	}
	e := Protocol{}.ReadError(statusOf(name), payload)
	if e.Kind != apierror.ProviderCredentials && name != "" {
		e.Code = exception(name)
	}
	return e
}
