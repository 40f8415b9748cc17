package wire

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
)

// maxErrorText bounds each text that is taken from a provider's error.
const maxErrorText = 8 << 10

// ReadError reads the body of a provider's answer with an error status, or of
// any JSON that has an error in it, into the error that the client gets:
// status, message, type, code and param are the provider's. What concerns the
// gateway's account with the provider (401, 402, 403) is a 502 without the
// provider's words: they would tell the client about a key that is not its own.
func ReadError(status int, text []byte) *apierror.Error {
	var p parts
	if _, ok := jsonscan.Valid(text); ok {
		at := jsonscan.Space(text, 0)
		if text[at] == '[' { // Gemini wraps its error in an array
			if e := jsonscan.Array(text, at); e.Next() {
				at = e.Value.Start
			}
		}
		p.outer(text, at)
	}
	return p.error(status)
}

// ErrorInside is the error found under status 200 at the span of an error's
// value: its code is the status where it is one.
func ErrorInside(text []byte, at jsonscan.Span) *apierror.Error {
	var p parts
	p.value(text, at)
	status, err := strconv.Atoi(p.code)
	if err != nil || status < 400 || status > 599 {
		status = 502
	}
	return p.error(status)
}

// parts are the fields of an error.
type parts struct{ message, kind, code, param string }

// outer reads {"error": …} and what some servers send in its place:
// {"message": …}, {"detail": …}.
func (p *parts) outer(text []byte, at int) {
	if text[at] != '{' {
		return
	}
	m := jsonscan.Object(text, at)
	for m.Next() {
		switch string(m.Name()) {
		case "error":
			p.value(text, m.Value)
			if p.message != "" {
				return
			}
		case "message", "detail":
			if p.message == "" {
				p.message = scalar(text, m.Value)
			}
		}
	}
}

// value reads the value of error: an object or a text.
func (p *parts) value(text []byte, at jsonscan.Span) {
	if text[at.Start] != '{' {
		p.message = scalar(text, at)
		return
	}
	m := jsonscan.Object(text, at.Start)
	for m.Next() {
		switch string(m.Name()) {
		case "message":
			p.message = scalar(text, m.Value)
		case "type":
			p.kind = scalar(text, m.Value)
		case "code":
			p.code = scalar(text, m.Value)
		case "param":
			p.param = scalar(text, m.Value)
		}
	}
}

// scalar is a string's content, a number's or boolean's text, "" for the rest.
func scalar(text []byte, at jsonscan.Span) string {
	var s string
	switch text[at.Start] {
	case '"':
		s = jsonscan.String(text, at)
	case 'n', '{', '[':
		return ""
	default:
		s = string(at.Of(text))
	}
	if len(s) > maxErrorText {
		s = s[:maxErrorText]
	}
	if !utf8.ValidString(s) {
		s = strings.ToValidUTF8(s, "\uFFFD")
	}
	return s
}

func (p *parts) error(status int) *apierror.Error {
	var kind apierror.Kind
	switch {
	case status == 401, status == 402, status == 403, status == 407:
		return apierror.New(apierror.ProviderCredentials, "The provider refused the gateway's own account.")
	case status == 429:
		kind = apierror.ProviderRateLimited
	case status == 529:
		kind = apierror.ProviderOverloaded
	case status >= 400 && status <= 599:
		kind = apierror.ProviderError
	default:
		return apierror.New(apierror.ProviderUnreadable, "The provider answered with status "+strconv.Itoa(status)+".")
	}
	e := apierror.New(kind, p.message)
	e.Status, e.Code, e.Param = status, p.code, p.param
	if e.Message == "" {
		e.Message = "The provider answered with status " + strconv.Itoa(status) + "."
	}
	if p.kind != "" {
		e.Type = p.kind
	} else if status < 500 {
		e.Type = "invalid_request_error"
	}
	return e
}
