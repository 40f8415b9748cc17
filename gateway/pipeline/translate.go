package pipeline

import (
	"net/http"
	"strings"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire"
)

// translate makes a request that the provider understands of the client's, where the
// two speak differently.
func (c *call) translate() (e *apierror.Error) {
	p := c.target.Provider.Protocol
	if c.conversation = nil; c.format.Protocol() == p.Name() {
		return nil
	}
	r, e := c.req.Decode()
	if e != nil {
		return e
	}
	if c.warnings, e = genai.Fit(r, p.Name(), p.Knows); e != nil {
		return e
	}
	c.conversation = r
	return nil
}

// body is what goes to the provider.
func (c *call) body() ([]byte, *apierror.Error) {
	p := c.target.Provider
	if c.conversation == nil {
		return c.req.Upstream(c.target.Model, wire.Lowered{Limit: c.permit.Lowered(), Field: p.LimitField}), nil
	}
	if limit := c.permit.Lowered(); limit > 0 {
		c.conversation.MaxTokens = limit
	}
	return p.Protocol.Encode(c.conversation, wire.Options{Model: c.target.Model, LimitField: p.LimitField,
		MaxOutput: c.p.Meter.MaxOutput(p.Vendor, p.Name, c.target.Model)})
}

// reply is what the client is told beside what the provider says.
func (c *call) reply() *wire.Reply {
	return &wire.Reply{Request: c.req, ID: c.id, Model: c.model, Quoted: c.quoted, Created: c.start.Unix(), Bill: c.bill}
}

// readAnswer reads a plain answer.
func (c *call) readAnswer(text []byte) (wire.Answer, *apierror.Error) {
	if c.conversation == nil {
		return c.format.ReadAnswer(text, c.reply())
	}
	return wire.Translate(c.format, c.target.Provider.Protocol, text, c.reply())
}

// newStream reads and writes a streamed answer.
func (c *call) newStream() wire.Stream {
	if c.conversation == nil {
		return c.format.Pass(c.reply())
	}
	return wire.NewTranslation(c.format, c.target.Provider.Protocol, c.reply())
}

// warn says in the answer's headers what of the request was left out or lowered.
func (c *call) warn(h http.Header) {
	c.permit.Warn(h)
	if len(c.warnings) == 0 {
		return
	}
	all := strings.Join(c.warnings, "; ")
	if lowered := h["X-Requesty-Warnings"]; len(lowered) > 0 {
		all = lowered[0] + "; " + all
	}
	h["X-Requesty-Warnings"] = []string{all}
}
