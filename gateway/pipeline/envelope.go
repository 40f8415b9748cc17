package pipeline

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"strings"
	"time"

	"weir/gateway/apierror"
	"weir/gateway/metadata"
	"weir/gateway/wire"
	"weir/schemas"
)

// envelope reads what came around and in the request: headers, body, metadata.
// The ledger's dimensions hold what was read, also when it is refused.
func (c *call) envelope() (e *apierror.Error) {
	c.dims = c.callersDimensions()
	if size := headerBytes(c.r); size > c.p.Limits.MaxHeaders {
		c.r.Close = true
		return apierror.New(apierror.HeadersTooLarge, fmt.Sprintf("The request's headers have %d bytes; the limit is %d.", size, c.p.Limits.MaxHeaders))
	}
	if e := c.readRequest(); e != nil {
		return e
	}
	head := c.req.Head()
	c.dims.RequestedModel = metadata.ValidUTF8(head.Model)
	c.dims.Stream = head.Stream
	m, e := metadata.Read(metadata.Body{Text: head.Body, Requesty: head.Requesty, Metadata: head.Metadata, User: head.User}, c.r.Header)
	c.dims.UserId, c.dims.TraceId, c.dims.Tags, c.dims.Extra = m.UserID, m.TraceID, m.Tags, m.Extra
	c.autoCache = m.AutoCache
	c.dims.OriginReferer, c.dims.OriginTitle = m.OriginReferer, m.OriginTitle
	return e
}

// callersDimensions are those that follow from the key. What it names and is there
// no more is not named.
func (c *call) callersDimensions() *schemas.Dimensions {
	return &schemas.Dimensions{
		OrgId: c.caller.Org.OrgId, Project: c.caller.Project.GetProjectId(), GroupId: c.caller.Group.GetGroupId(),
		KeyId: c.caller.Key.KeyId, MemberId: c.caller.Member.GetMemberId(), Endpoint: c.format.Endpoint(),
	}
}

// headerBytes is the size of a request's head.
func headerBytes(r *http.Request) int {
	size := len(r.Method) + len(r.RequestURI)
	for name, values := range r.Header {
		for _, value := range values {
			size += len(name) + len(value) + 4 // ": " and CRLF
		}
	}
	return size
}

// firstRead is what is set aside for a body before any of it has come.
const firstRead = 1 << 20

// readRequest reads the body within its limits of size and time, and what it asks for.
func (c *call) readRequest() (e *apierror.Error) {
	if encoding := c.r.Header.Get("Content-Encoding"); encoding != "" && !strings.EqualFold(encoding, "identity") {
		return apierror.Invalid("", "The request body must not be compressed.")
	}
	rc := http.NewResponseController(c.raw)
	// Not every writer of a test takes deadlines; a real connection does.
	_ = rc.SetReadDeadline(time.Now().Add(c.p.Limits.BodyTimeout))
	if f, ok := c.format.(wire.Uploading); ok && !isJSON(c.r.Header) {
		return c.readForm(f, rc)
	}
	body, e := c.readBody(rc)
	c.bytes = int64(len(body))
	if e != nil {
		return e
	}
	c.req, e = c.format.ReadRequest(body)
	return e
}

// readBody reads the whole body.
func (c *call) readBody(rc *http.ResponseController) ([]byte, *apierror.Error) {
	limit := c.p.Limits.MaxBody
	if c.r.ContentLength > limit {
		return nil, c.tooLarge(limit)
	}
	size := min(max(c.r.ContentLength, 511), firstRead, limit)
	body := make([]byte, 0, size+1) // one more, so that the end is seen without growing
	for {
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
		n, err := c.r.Body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > limit {
			return body, c.tooLarge(limit)
		}
		switch {
		case err == nil:
		case errors.Is(err, io.EOF):
			_ = rc.SetReadDeadline(time.Time{})
			return body, nil
		default:
			return body, c.noBody(err)
		}
	}
}

// noBody says why a body did not come.
func (c *call) noBody(err error) *apierror.Error {
	if errors.Is(err, os.ErrDeadlineExceeded) {
		c.r.Close = true
		return apierror.New(apierror.BodyTimeout, "The request body did not arrive in time.")
	}
	c.gone = true
	return apierror.New(apierror.ClientDisconnected, "The client went away.")
}

// tooLarge refuses a body. Many clients read no answer before they have sent
// all, so as much again as the limit is read and thrown away, unless the client
// waits to be asked for its body.
func (c *call) tooLarge(limit int64) *apierror.Error {
	c.r.Close = true
	if c.r.Header.Get("Expect") == "" {
		_, _ = io.CopyN(io.Discard, c.r.Body, limit) // an error ends the reading, which is all it is for
	}
	return apierror.New(apierror.BodyTooLarge, fmt.Sprintf("The request body is larger than the limit of %d bytes.", limit))
}
