package pipeline

import (
	"errors"
	"io"
	"net/http"
	"time"

	"weir/gateway/apierror"
	"weir/gateway/wire"
)

// readForm reads a body with files, which is not held in memory.
func (c *call) readForm(f wire.Uploading, rc *http.ResponseController) (e *apierror.Error) {
	limit := c.p.Limits.MaxUpload
	if c.r.ContentLength > limit {
		return c.tooLarge(limit)
	}
	body := &arriving{from: c.r.Body, limit: limit}
	req, e := f.ReadForm(c.r.Header.Get("Content-Type"), body)
	if req != nil {
		c.req = req // from here on the call gives the files up
	}
	c.bytes = body.n
	switch {
	case errors.Is(body.err, errTooLarge):
		return c.tooLarge(limit)
	case body.err != nil && !errors.Is(body.err, io.EOF):
		return c.noBody(body.err)
	case e != nil:
		// Many clients read no answer before they have sent all.
		c.r.Close = true
		if c.r.Header.Get("Expect") == "" {
			_, _ = io.Copy(io.Discard, body) // bounded, and an error ends it
		}
		return e
	}
	_ = rc.SetReadDeadline(time.Time{})
	return nil
}

var errTooLarge = errors.New("the body is larger than the limit")

// arriving is a body on its way, which remembers how it ended.
type arriving struct {
	from     io.Reader
	n, limit int64
	err      error
}

func (a *arriving) Read(into []byte) (int, error) {
	if a.err != nil {
		return 0, a.err
	}
	n, err := a.from.Read(into)
	if a.n += int64(n); a.n > a.limit {
		err = errTooLarge
	}
	a.err = err
	return n, err
}
