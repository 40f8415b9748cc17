package manage

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"

	"weir/gateway/apierror"
	"weir/internal/control"
)

// problem is an error as huma answers it.
type problem struct{ cause *apierror.Error }

func (p problem) Error() string { return p.cause.Error() }

// GetStatus is what huma asks for.
func (p problem) GetStatus() int { return p.cause.Status }

// GetHeaders are those of the answer.
func (p problem) GetHeaders() http.Header {
	h := http.Header{}
	if p.cause.RetryAfter != "" {
		h.Set("Retry-After", p.cause.RetryAfter)
	}
	return h
}

// MarshalJSON is the one shape of errors.
func (p problem) MarshalJSON() ([]byte, error) { return p.cause.Append(nil), nil }

// errorBody is the shape for the document; package apierror writes it.
type errorBody struct {
	Error errorFields `json:"error"`
}

type errorFields struct {
	Message string  `json:"message"`
	Type    string  `json:"type"`
	Code    *string `json:"code"`
	Param   *string `json:"param" doc:"The field that is wrong"`
	Origin  string  `json:"origin" enum:"router,provider"`
}

func errorResponse(r huma.Registry) *huma.Response {
	return &huma.Response{
		Description: "Error",
		Content:     map[string]*huma.MediaType{"application/json": {Schema: r.Schema(reflect.TypeFor[errorBody](), true, "")}},
	}
}

// notFound is the same for an id that never was and for one of another
// organisation.
func notFound(what string) *apierror.Error {
	return apierror.New(apierror.NotFound, "There is no such "+what+" in this organisation.")
}

func isNotFound(err error) bool {
	var e *apierror.Error
	return errors.As(err, &e) && e.Kind == apierror.NotFound
}

func isConflict(err error) bool { return errors.Is(err, control.ErrConflict) }

func notPermitted(why string) *apierror.Error { return apierror.New(apierror.NotPermitted, why) }

// missing is a reference that leads nowhere.
func missing(field, what string) *apierror.Error {
	return apierror.Invalid(field, fmt.Sprintf("%s names a %s that this organisation does not have.", field, what))
}

// failure turns what an operation returned into the answer. What nobody foresaw is
// a plain 500, and a line in the log.
func (m *Management) failure(c *call, err error) error {
	var e *apierror.Error
	switch {
	case errors.As(err, &e):
		return problem{e}
	case errors.Is(err, control.ErrConflict):
		return problem{apierror.New(apierror.Conflict, "Somebody else changed this at the same time. Read it again and repeat the call.")}
	}
	m.Logger.Error("management call failed", "operation", c.rule.Operation, "request_id", c.requestID, "actor", c.who.Actor(), "error", err)
	return problem{apierror.New(apierror.Internal, "The gateway failed.")}
}

// unwritten is a change that was not accepted, or whose verdict is not known.
func (m *Management) unwritten(c *call, err error) error {
	switch {
	case errors.Is(err, control.ErrConflict):
		return err
	case errors.Is(err, control.ErrTooLarge):
		return apierror.Invalid("", fmt.Sprintf("With this change it would have more than the %d bytes that the event log takes. Shorten its lists.", control.MaxRecord))
	}
	m.Logger.Warn("change was not confirmed by the control log", "operation", c.rule.Operation, "request_id", c.requestID, "actor", c.who.Actor(), "error", err)
	e := apierror.New(apierror.CannotRecord, "The change could not be confirmed by the event log. It may still be made: read what became of it, or repeat the call with the same Idempotency-Key.")
	if errors.Is(err, context.Canceled) {
		e.RetryAfter = ""
	}
	return e
}

// shape gives huma's own errors the contract's form.
func shape(ctx huma.Context, _ string, v any) (any, error) {
	model, ok := v.(*huma.ErrorModel)
	if !ok {
		return v, nil
	}
	e := translate(model)
	if x, ok := ctx.(*exchange); ok {
		x.status = e.Status
	}
	ctx.SetHeader("Content-Type", "application/json")
	return problem{e}, nil
}

// translate says what huma found wrong with a request. It leaves out the values
// that huma quotes: one may be a secret.
func translate(m *huma.ErrorModel) *apierror.Error {
	switch m.Status {
	case http.StatusRequestEntityTooLarge:
		return apierror.New(apierror.BodyTooLarge, fmt.Sprintf("The body is larger than %d bytes.", maxBody))
	case http.StatusRequestTimeout:
		return apierror.New(apierror.BodyTimeout, "The body did not arrive in time.")
	case http.StatusInternalServerError:
		if m.Detail != "cannot read request body" {
			return apierror.New(apierror.Internal, "The gateway failed.")
		}
	}
	if len(m.Errors) == 0 {
		if m.Detail == "request body is required" {
			return apierror.Invalid("", "The body is missing. Send a JSON object.")
		}
		return apierror.Invalid("", sentence(m.Detail))
	}
	first := m.Errors[0]
	// huma places what is missing at what it is missing from.
	if name, ok := strings.CutPrefix(first.Message, "expected required property "); ok {
		name = strings.TrimSuffix(name, " to be present")
		_, within, nested := strings.Cut(first.Location, ".")
		if nested {
			name = within + "." + name
		}
		return apierror.Invalid(clip(name), clip(name)+" is missing. Add it.")
	}
	place, field, _ := strings.Cut(first.Location, ".")
	if named, what := fieldOf(first.Message); place == "body" && field == "" && named != "" {
		return apierror.Invalid(clip(named), sentence(clip(what)))
	}
	if field == "" || place != "body" && place != "query" && place != "path" && place != "header" {
		return apierror.Invalid("", sentence("The "+place+" cannot be read: "+clip(first.Message)))
	}
	what := first.Message
	switch {
	case what == "unexpected property":
		return apierror.Invalid(clip(field), clip(field)+" is not a field of this call. Remove it.")
	case what == "unknown query parameter":
		return apierror.Invalid(clip(field), clip(field)+" is not a parameter of this call. Remove it.")
	}
	return apierror.Invalid(clip(field), sentence(clip(field)+": "+clip(what)))
}

func sentence(s string) string {
	if s == "" || strings.HasSuffix(s, ".") {
		return s
	}
	return s + "."
}

// clip bounds what an error repeats of a request.
func clip(s string) string {
	const most = 256
	if len(s) <= most {
		return s
	}
	s = s[:most]
	for len(s) > 0 && !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s + "…"
}
