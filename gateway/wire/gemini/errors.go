package gemini

import (
	"strconv"
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/jsonscan"
	"weir/gateway/wire"
)

// ReadError reads {"error": {"code", "message", "status", "details"}}, alone or in an
// array. Google's code is the status, so that the error's code is Google's status in
// words. A bad API key has status 400 there: it is an error of the gateway's account.
func (Protocol) ReadError(status int, text []byte) *apierror.Error {
	var s stated
	if _, ok := jsonscan.Valid(text); ok {
		s.find(text, jsonscan.Space(text, 0))
	}
	if s.badKey {
		status = 401
	}
	return s.complete(wire.ReadError(status, text))
}

// errorInside is the error under status 200 at a span.
func errorInside(text []byte, at jsonscan.Span) *apierror.Error {
	var s stated
	s.read(text, at)
	if s.badKey {
		return wire.ReadError(401, nil)
	}
	return s.complete(wire.ErrorInside(text, at))
}

// unreadable is the error in what is no answer at all, or the message.
func unreadable(message string, text []byte, start int) *apierror.Error {
	if _, ok := jsonscan.Valid(text[start:]); ok && text[start] == '[' {
		if e := jsonscan.Array(text, start); e.Next() && e.Kind() == '{' {
			var c chunk
			if c.read(text[:e.Value.End], e.Value.Start) && !c.err.Empty() {
				return errorInside(text, c.err)
			}
		}
	}
	return apierror.New(apierror.ProviderUnreadable, message)
}

// stated is what Google says beyond what wire.ReadError reads.
type stated struct {
	status string
	retry  string // seconds
	badKey bool
}

func (s *stated) find(text []byte, at int) {
	if text[at] == '[' {
		e := jsonscan.Array(text, at)
		if !e.Next() {
			return
		}
		at = e.Value.Start
	}
	if text[at] != '{' {
		return
	}
	for m := jsonscan.Object(text, at); m.Next(); {
		if string(m.Name()) == "error" {
			s.read(text, m.Value)
		}
	}
}

func (s *stated) read(text []byte, at jsonscan.Span) {
	if text[at.Start] != '{' {
		return
	}
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		switch name := string(m.Name()); {
		case name == "status" && m.Kind() == '"':
			s.status = jsonscan.String(text, m.Value)
		case name == "details" && m.Kind() == '[':
			for e := jsonscan.Array(text, m.Value.Start); e.Next(); {
				if e.Kind() == '{' {
					s.detail(text, e.Value)
				}
			}
		}
	}
}

func (s *stated) detail(text []byte, at jsonscan.Span) {
	for m := jsonscan.Object(text, at.Start); m.Next(); {
		if m.Kind() != '"' {
			continue
		}
		switch value := jsonscan.String(text, m.Value); string(m.Name()) {
		case "reason":
			s.badKey = s.badKey || value == "API_KEY_INVALID"
		case "retryDelay": // "17s", "0.5s"
			if seconds, err := strconv.ParseFloat(strings.TrimSuffix(value, "s"), 64); err == nil && seconds >= 0 && seconds < 1e6 {
				s.retry = strconv.Itoa(int(seconds + 0.999))
			}
		}
	}
}

func (s *stated) complete(e *apierror.Error) *apierror.Error {
	if e.Kind == apierror.ProviderCredentials {
		return e
	}
	if s.status != "" && len(s.status) <= 64 {
		e.Code = s.status
	}
	if e.RetryAfter == "" && e.Kind == apierror.ProviderRateLimited {
		e.RetryAfter = s.retry
	}
	return e
}
