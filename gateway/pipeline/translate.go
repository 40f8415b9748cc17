package pipeline

import (
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/provider"
	"weir/gateway/wire"
)

// translate makes a request that the provider understands of the client's, where the
// two speak differently.
func (c *call) translate() (e *apierror.Error) {
	p := c.target.Provider.Protocol
	signed, ok := c.req.(wire.Foreign)
	if c.conversation = nil; c.format.Protocol() == p.Name() && (!ok || !signed.Foreign()) {
		return nil
	}
	if shared, ok := c.format.(wire.Shared); ok && shared.Passes(p.Name()) {
		return nil
	}
	if bridging, ok := c.format.(wire.Bridging); ok {
		if c.bridge, e = bridging.Bridge(c.req, p); e != nil {
			return e
		}
		if c.bridge != nil {
			c.warnings = c.bridge.Warnings()
			return nil
		}
	}
	r, e := c.req.Decode()
	if e != nil {
		return e
	}
	if c.warnings, e = genai.Fit(r, p.Name(), p.Knows); e != nil {
		return e
	}
	if c.autoCache {
		r.AutoCache(p.Name())
	}
	c.conversation = r
	return nil
}

// translated is a request of which the provider gets another one: what its limit bounds
// is told by the field that it goes out in, and fields that the client's own format does
// not have may mean something to the provider.
type translated struct {
	wire.Request
	limitField string
	extra      []genai.Field // that the provider knows
}

// Bounds are those of the request that goes out.
func (t translated) Bounds() (wire.Bounds, *apierror.Error) {
	b, e := t.Request.Bounds()
	b.MaxTokens = b.Limit > 0 && t.limitField == "max_tokens"
	for _, f := range t.extra {
		switch f.Name {
		case "cachedContent", "cached_content", "container": // what lies with the provider
			b.May(f.Name)
		case "mcp_servers":
			b.ServerTool(0, f.Name) // called as often as the model likes
		case "prediction":
			b.Predicted += int64(len(f.Raw)) * b.Choices // rejected text is billed as output
		}
	}
	return b, e //nolint:wrapcheck // it names the client's field
}

// upstream is the call that goes to the provider.
func (c *call) upstream() (call provider.Call, e *apierror.Error) {
	p := c.target.Provider
	call = provider.Call{RequestID: c.id, Model: c.target.Model, Region: c.target.Region, Stream: c.req.Head().Stream,
		Client: c.r.Header, ClientQuery: c.r.URL.RawQuery, Same: c.conversation == nil && c.bridge == nil}
	call.Path, call.Query = p.Protocol.Call(c.target.Model, call.Stream)
	if c.bridge != nil {
		call.Query = ""
		call.Path, call.Body = c.bridge.Call(c.target.Model)
		return call, nil
	}
	if c.conversation == nil {
		if placed, ok := c.format.(wire.Placed); ok {
			call.Path, call.Query = placed.Path(), ""
		}
		if typed, ok := c.format.(wire.Typed); ok {
			call.Accept = typed.Accept(c.req)
		}
		if files, ok := c.req.(wire.Uploaded); ok {
			call.Upload = files.Upload(c.target.Model)
			return call, nil
		}
		call.Body = c.req.Upstream(c.target.Model, wire.Lowered{Limit: c.permit.Lowered(), Field: p.LimitField, AutoCache: c.autoCache})
		return call, nil
	}
	if limit := c.permit.Lowered(); limit > 0 {
		c.conversation.MaxTokens = limit
	}
	if headed, ok := p.Protocol.(wire.Headed); ok {
		call.More = headed.Headers(c.conversation)
	}
	call.Body, c.adapted, e = p.Protocol.Encode(c.conversation, wire.Options{Model: c.target.Model, LimitField: p.LimitField,
		MaxOutput: c.p.Meter.MaxOutput(p.Vendor, p.Name, c.target.Model)})
	return call, e
}

// count answers a client that asks how many tokens its request has, where the provider
// could not be asked in its way.
func (c *call) count(f wire.Counter) {
	used := c.p.Estimator.Estimate(c.target.Model, c.req, &wire.Seen{})
	c.answer, c.status, c.buffer = f.Counted(used.Prompt), http.StatusOK, getBuffer(-1)
	c.took = time.Since(c.start)
}

// reply is what the client is told beside what the provider says.
func (c *call) reply() *wire.Reply {
	return &wire.Reply{Request: c.req, ID: c.id, Model: c.model, Quoted: c.quoted, Created: c.start.Unix(), Type: c.resp.Header.Get("Content-Type"), Bill: c.bill}
}

// readAnswer reads a plain answer.
func (c *call) readAnswer(text []byte) (wire.Answer, *apierror.Error) {
	if c.bridge != nil {
		return c.bridge.ReadAnswer(text, c.reply())
	}
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

// maxWarnings bounds the header of the warnings, in bytes: what stands between here and
// the client takes some kilobytes of headers.
const maxWarnings = 4000

// warn says in the answer's headers what of the request was left out, changed or lowered.
func (c *call) warn(h http.Header) {
	c.permit.Warn(h)
	if len(c.warnings)+len(c.adapted) == 0 {
		return
	}
	all := strings.Join(h["X-Requesty-Warnings"], "; ")
	lines := slices.Concat(c.adapted, c.warnings) // of the latter there is one for each unknown field
	for i, line := range lines {
		if len(all)+len(line) > maxWarnings {
			all += "; and " + strconv.Itoa(len(lines)-i) + " more"
			break
		}
		if all != "" {
			all += "; "
		}
		all += line
	}
	h["X-Requesty-Warnings"] = []string{all}
}
