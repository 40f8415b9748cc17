// Package apierror holds every way in which a call can end badly: one table of
// kinds with their HTTP status and OpenAI's type and code, and the one shape in
// which a client sees them.
//
// Guarantee: the kind is what the ledger's error_kind holds, a closed set; the
// message never quotes a prompt or a secret unless it is a provider's own.
// Concurrency: values. Failure: an unknown kind is a plain 500.
package apierror

import (
	"net/http"
	"strconv"

	"weir/gateway/jsonscan"
)

// Kind names what went wrong, in the ledger's words.
type Kind string

// The kinds. The first group is refused by the gateway, the second came from or
// on the way to a provider.
const (
	NoCredentials      Kind = "no_credentials"
	BadKey             Kind = "bad_key"
	NotPermitted       Kind = "not_permitted"
	NotFound           Kind = "not_found"
	Conflict           Kind = "conflict"
	InvalidRequest     Kind = "invalid_request"
	UnknownProvider    Kind = "unknown_provider"
	UnknownModel       Kind = "unknown_model"
	UnknownPolicy      Kind = "unknown_policy"
	UnknownRoute       Kind = "unknown_route"
	WrongMethod        Kind = "wrong_method"
	BodyTimeout        Kind = "body_timeout"
	BodyTooLarge       Kind = "body_too_large"
	HeadersTooLarge    Kind = "headers_too_large"
	ClientDisconnected Kind = "client_disconnected"
	CannotRecord       Kind = "cannot_record"
	ShuttingDown       Kind = "shutting_down"
	ModelNotAllowed    Kind = "model_not_allowed"
	RegionNotAllowed   Kind = "region_not_allowed"
	UserDisabled       Kind = "user_disabled"
	RateLimited        Kind = "rate_limited"
	Unbounded          Kind = "unbounded_request"
	Unpriced           Kind = "unpriced_model"
	BudgetExceeded     Kind = "budget_exceeded"
	BudgetBusy         Kind = "budget_busy"
	BalanceUsedUp      Kind = "balance_used_up"
	BudgetsAway        Kind = "budgets_away"
	CredentialMissing  Kind = "credential_missing"
	CredentialLocked   Kind = "credential_locked"
	BaseURLRefused     Kind = "base_url_refused"
	UsageAway          Kind = "usage_away"
	UsageBusy          Kind = "usage_busy"
	Internal           Kind = "internal"

	ProviderError       Kind = "provider_error"
	ProviderRateLimited Kind = "provider_rate_limited"
	ProviderOverloaded  Kind = "provider_overloaded"
	ProviderCredentials Kind = "provider_credentials"
	ProviderTimeout     Kind = "provider_timeout"
	ProviderUnreachable Kind = "provider_unreachable"
	ProviderCut         Kind = "provider_cut"
	ProviderUnreadable  Kind = "provider_unreadable"
)

// Origins of an error.
const (
	Router   = "router"
	Provider = "provider"
)

// Error is an answer that is an error.
type Error struct {
	Kind    Kind
	Status  int // HTTP
	Type    string
	Code    string // "" is null
	Param   string // "" is null
	Origin  string
	Message string
	// RetryAfter is the value of the Retry-After header, "" for none.
	RetryAfter string
}

func (e *Error) Error() string { return string(e.Kind) + ": " + e.Message }

// New returns an error of the kind with the table's status, type and code. A
// kind without an entry is a 500.
func New(kind Kind, message string) *Error {
	e := describe(kind)
	e.Kind, e.Message = kind, message
	if e.Origin == "" {
		e.Origin = Router
	}
	return &e
}

// Invalid is a 400 that names the parameter.
func Invalid(param, message string) *Error {
	e := New(InvalidRequest, message)
	e.Param = param
	return e
}

func describe(kind Kind) Error {
	const request, server = "invalid_request_error", "server_error"
	switch kind {
	case NoCredentials:
		return Error{Status: http.StatusUnauthorized, Type: "authentication_error", Code: "missing_api_key"}
	case BadKey:
		return Error{Status: http.StatusForbidden, Type: "permission_error", Code: "invalid_api_key"}
	case NotPermitted:
		return Error{Status: http.StatusForbidden, Type: "permission_error", Code: "not_permitted"}
	case NotFound:
		return Error{Status: http.StatusNotFound, Type: request, Code: "not_found"}
	case Conflict:
		return Error{Status: http.StatusConflict, Type: request, Code: "conflict"}
	case InvalidRequest:
		return Error{Status: http.StatusBadRequest, Type: request}
	case UnknownProvider:
		return Error{Status: http.StatusNotFound, Type: request, Code: "provider_not_found", Param: "model"}
	case UnknownModel:
		return Error{Status: http.StatusNotFound, Type: request, Code: "model_not_found", Param: "model"}
	case UnknownPolicy:
		return Error{Status: http.StatusNotFound, Type: request, Code: "policy_not_found", Param: "model"}
	case UnknownRoute:
		return Error{Status: http.StatusNotFound, Type: request, Code: "unknown_url"}
	case WrongMethod:
		return Error{Status: http.StatusMethodNotAllowed, Type: request, Code: "method_not_allowed"}
	case BodyTimeout:
		return Error{Status: http.StatusRequestTimeout, Type: request, Code: "request_timeout"}
	case BodyTooLarge:
		return Error{Status: http.StatusRequestEntityTooLarge, Type: request, Code: "request_too_large"}
	case HeadersTooLarge:
		return Error{Status: http.StatusRequestHeaderFieldsTooLarge, Type: request, Code: "headers_too_large"}
	case ClientDisconnected:
		return Error{Status: 499, Type: request, Code: "client_disconnected"}
	case CannotRecord:
		return Error{Status: http.StatusServiceUnavailable, Type: server, Code: "cannot_record", RetryAfter: "1"}
	case ShuttingDown:
		return Error{Status: http.StatusServiceUnavailable, Type: server, Code: "shutting_down", RetryAfter: "1"}
	case ModelNotAllowed:
		return Error{Status: http.StatusForbidden, Type: "permission_error", Code: "model_not_allowed", Param: "model"}
	case RegionNotAllowed:
		return Error{Status: http.StatusForbidden, Type: "permission_error", Code: "region_not_allowed", Param: "model"}
	case UserDisabled:
		return Error{Status: http.StatusForbidden, Type: "permission_error", Code: "user_disabled", Param: "user"}
	case RateLimited:
		return Error{Status: http.StatusTooManyRequests, Type: "rate_limit_error", Code: "rate_limit_exceeded"}
	case Unbounded:
		return Error{Status: http.StatusBadRequest, Type: request, Code: "unbounded_request"}
	case Unpriced:
		return Error{Status: http.StatusBadRequest, Type: request, Code: "unpriced_model", Param: "model"}
	case BudgetExceeded:
		return Error{Status: http.StatusPreconditionFailed, Type: "insufficient_quota", Code: "budget_exceeded"}
	case BudgetBusy:
		return Error{Status: http.StatusTooManyRequests, Type: "rate_limit_error", Code: "budget_busy", RetryAfter: "1"}
	case BalanceUsedUp:
		return Error{Status: http.StatusPaymentRequired, Type: "insufficient_quota", Code: "balance_used_up"}
	case BudgetsAway:
		return Error{Status: http.StatusServiceUnavailable, Type: server, Code: "budgets_away", RetryAfter: "1"}
	case CredentialMissing:
		return Error{Status: http.StatusBadRequest, Type: request, Code: "credential_missing"}
	case CredentialLocked:
		return Error{Status: http.StatusServiceUnavailable, Type: server, Code: "credential_locked"}
	case BaseURLRefused:
		return Error{Status: http.StatusBadRequest, Type: request, Code: "base_url_refused"}
	case UsageAway:
		return Error{Status: http.StatusServiceUnavailable, Type: server, Code: "usage_away", RetryAfter: "1"}
	case UsageBusy:
		return Error{Status: http.StatusTooManyRequests, Type: "rate_limit_error", Code: "usage_busy", RetryAfter: "1"}
	case ProviderCredentials:
		return Error{Status: http.StatusBadGateway, Type: server, Code: "provider_credentials", Origin: Provider}
	case ProviderTimeout:
		return Error{Status: http.StatusServiceUnavailable, Type: server, Code: "provider_timeout", Origin: Provider}
	case ProviderUnreachable:
		return Error{Status: http.StatusBadGateway, Type: server, Code: "provider_unreachable", Origin: Provider}
	case ProviderCut:
		return Error{Status: http.StatusBadGateway, Type: server, Code: "provider_cut", Origin: Provider}
	case ProviderUnreadable:
		return Error{Status: http.StatusFailedDependency, Type: server, Code: "provider_unreadable", Origin: Provider}
	case ProviderError, ProviderRateLimited, ProviderOverloaded:
		// The provider's own status, type and code replace these.
		return Error{Status: http.StatusBadGateway, Type: server, Origin: Provider}
	default:
		return Error{Status: http.StatusInternalServerError, Type: server, Code: "internal_error"}
	}
}

// Append appends the body of the error: {"error": {"message", "type", "code",
// "param", "origin"}}, with null for an empty code or param.
func (e *Error) Append(b []byte) []byte {
	b = append(b, `{"error":{"message":`...)
	b = jsonscan.AppendString(b, e.Message)
	b = append(b, `,"type":`...)
	b = jsonscan.AppendString(b, e.Type)
	b = append(b, `,"code":`...)
	b = appendOrNull(b, e.Code)
	b = append(b, `,"param":`...)
	b = appendOrNull(b, e.Param)
	b = append(b, `,"origin":`...)
	b = jsonscan.AppendString(b, e.Origin)
	return append(b, "}}"...)
}

func appendOrNull(b []byte, s string) []byte {
	if s == "" {
		return append(b, "null"...)
	}
	return jsonscan.AppendString(b, s)
}

// AppendEvent appends the error as the SSE event that ends a stream.
func (e *Error) AppendEvent(b []byte) []byte {
	b = append(b, "event: error\ndata: "...)
	b = e.Append(b)
	return append(b, "\n\n"...)
}

// Summary is what the ledger keeps of the message, at most 1,024 bytes. A
// provider may quote the prompt or a key in its message, so of a provider's own
// error only the status, type and code are kept.
func (e *Error) Summary() string {
	s := e.Message
	switch e.Kind {
	case ProviderError, ProviderRateLimited, ProviderOverloaded:
		s = "provider answered " + strconv.Itoa(e.Status) + " " + e.Type
		if e.Code != "" {
			s += " " + e.Code
		}
	}
	const limit = 1024
	if len(s) > limit {
		s = s[:limit]
		for len(s) > 0 && s[len(s)-1]&0xC0 == 0x80 {
			s = s[:len(s)-1]
		}
		if len(s) > 0 && s[len(s)-1] >= 0xC0 {
			s = s[:len(s)-1]
		}
	}
	return s
}

// Write answers a request with the error.
func (e *Error) Write(w http.ResponseWriter) {
	body := e.Append(make([]byte, 0, 256))
	e.Head(w.Header(), len(body))
	w.WriteHeader(e.Status)
	_, _ = w.Write(body) // a client that has gone is noticed by the server
}

// Head sets the headers of an answer that is the error, of so many bytes.
func (e *Error) Head(h http.Header, size int) {
	h["Content-Type"] = []string{"application/json"}
	h["Content-Length"] = []string{strconv.Itoa(size)}
	if e.RetryAfter != "" {
		h["Retry-After"] = []string{e.RetryAfter}
	}
}
