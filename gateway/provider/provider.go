// Package provider calls the upstreams over HTTP.
//
// Guarantee: a request upstream carries the headers that are built here and
// nothing of the client's but what an allow-list names: never its key, its
// cookies or its metadata. Redirects are not followed, answers are not
// decompressed, a call is sent once. What an organisation's own key is for goes
// nowhere else, and to a base URL of the organisation's own only where package
// egress allows it.
//
// Concurrency: everything may be used from any goroutine; one transport keeps
// the connections of all providers. Failure: an error of the network is told
// apart as a time-out, a connection that failed and an answer that is not HTTP.
package provider

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"weir/gateway/apierror"
	"weir/gateway/egress"
	"weir/gateway/wire"
)

// Client is the way to all providers.
type Client struct {
	transport *http.Transport
	guarded   *http.Transport // to base URLs that clients named
	userAgent []string
}

// NewClient returns a client whose User-Agent is weir/version, and which goes to
// base URLs of organisations as the rule allows.
func NewClient(version string, rule egress.Rule) *Client {
	c := &Client{
		userAgent: []string{"weir/" + version},
		transport: &http.Transport{
			Proxy:                  http.ProxyFromEnvironment,
			DialContext:            dialer().DialContext,
			ForceAttemptHTTP2:      true,
			MaxIdleConns:           4096,
			MaxIdleConnsPerHost:    1024,
			IdleConnTimeout:        55 * time.Second, // below the minute after which balancers close
			TLSHandshakeTimeout:    10 * time.Second,
			ExpectContinueTimeout:  time.Second,
			MaxResponseHeaderBytes: 1 << 20,
			DisableCompression:     true,
			WriteBufferSize:        16 << 10,
			ReadBufferSize:         16 << 10,
		},
	}
	c.guarded = c.transport.Clone()
	// A proxy would resolve the name itself, and nobody would judge the address.
	c.guarded.Proxy = nil
	d := dialer()
	d.ControlContext = rule.Control
	c.guarded.DialContext = d.DialContext
	// Of these there may be one for each organisation.
	c.guarded.MaxIdleConnsPerHost = 64
	return c
}

func dialer() *net.Dialer { return &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second} }

// Close closes the idle connections.
func (c *Client) Close() {
	c.transport.CloseIdleConnections()
	c.guarded.CloseIdleConnections()
}

// Call is one call upstream.
type Call struct {
	RequestID   string // passed as x-request-id
	Path, Query string // under the base URL, the path escaped
	Model       string // the provider's own name for it
	Region      string // "" for the provider's own
	Body        []byte
	Upload      wire.Upload // in the place of Body, nil for JSON
	Accept      string      // "" for JSON, or events in a stream
	Stream      bool
	// Client are the headers of the client's request; Same says that the client speaks
	// the provider's protocol, so that those of the protocol may pass.
	Client      http.Header
	ClientQuery string
	Same        bool
	// More are headers that this request needs.
	More []wire.Header
}

// Send makes a call on an account at the provider. The answer's body must be closed.
func (c *Client) Send(ctx context.Context, p *Provider, a *Account, call Call) (*http.Response, error) {
	if call.Same && p.manners.query != "" && call.ClientQuery == p.manners.query {
		call.Query = call.ClientQuery
	}
	to, err := p.url(a, &call)
	if err != nil {
		return nil, err
	}
	req := &http.Request{
		Method: http.MethodPost, URL: to, Host: to.Host,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: c.headers(p, a, &call),
	}
	// A connection that turns out to be closed before a byte was written is replaced by
	// the transport, which opens the body again; that is not a second call.
	if upload := call.Upload; upload != nil {
		req.Body, req.ContentLength = upload.Open(), upload.Size()
		req.GetBody = func() (io.ReadCloser, error) { return upload.Open(), nil }
	} else {
		body := call.Body
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	req = req.WithContext(ctx)
	// Last: a signature is of all headers. Those who sign the body take no uploads.
	if err := a.sign(req, call.Body); err != nil {
		return nil, err
	}
	if a.base != nil {
		return c.guarded.RoundTrip(req)
	}
	return c.transport.RoundTrip(req)
}

func (c *Client) headers(p *Provider, a *Account, call *Call) http.Header {
	values := [5]string{"application/json", "application/json", "identity", call.RequestID, a.value}
	if call.Stream {
		values[1] = "text/event-stream"
	}
	if call.Accept != "" {
		values[1] = call.Accept
	}
	if call.Upload != nil {
		values[0] = call.Upload.ContentType()
	}
	h := make(http.Header, 8)
	// First, so that nothing of the client's replaces what follows.
	for _, fixed := range p.manners.fixed {
		h[fixed[0]] = []string{fixed[1]}
	}
	if call.Same {
		for _, name := range p.manners.passes {
			if v, ok := call.Client[name]; ok {
				h[name] = v
			}
		}
	}
	for _, more := range call.More {
		h[more.Name] = append(h[more.Name], more.Value)
	}
	if len(p.exact)+len(p.prefixes) > 0 {
		p.forward(h, call.Client)
	}
	h["Content-Type"] = values[0:1:1]
	h["Accept"] = values[1:2:2]
	h["Accept-Encoding"] = values[2:3:3]
	h["X-Request-Id"] = values[3:4:4]
	h["User-Agent"] = c.userAgent
	if a.header != "" {
		h[a.header] = values[4:5:5]
	}
	return h
}

// forward copies the headers that the provider's configuration names.
func (p *Provider) forward(to, from http.Header) {
	for name, values := range from {
		if slices.Contains(p.exact, name) || slices.ContainsFunc(p.prefixes, func(prefix string) bool { return strings.HasPrefix(name, prefix) }) {
			to[name] = values
		}
	}
}

// Causes for which the gateway itself ends a call upstream; they are the cause
// of the context that Send was given.
var (
	ErrTimeout  = errors.New("the provider took too long")
	ErrShutdown = errors.New("the gateway is shutting down")
	ErrDrained  = errors.New("the bounds on reading on for a client that went away were reached")
)

// Explain turns an error of Send or of reading its answer into what the client
// is told. begun says that the answer's headers had come.
func Explain(ctx context.Context, err error, begun bool) *apierror.Error {
	cause := context.Cause(ctx)
	var unsigned unsignedError
	var timeout net.Error
	switch {
	case errors.Is(cause, ErrShutdown):
		return apierror.New(apierror.ShuttingDown, "The gateway is shutting down.")
	case errors.Is(cause, ErrDrained):
		return apierror.New(apierror.ClientDisconnected, "The client went away, and reading on was given up.")
	case errors.As(err, &unsigned) && cause == nil:
		return apierror.New(apierror.ProviderCredentials, "The provider's credential cannot be used: "+unsigned.why.Error()+".")
	case errors.Is(cause, ErrTimeout), errors.As(err, &timeout) && timeout.Timeout():
		return apierror.New(apierror.ProviderTimeout, "The provider did not answer in time.")
	case errors.Is(err, egress.ErrRefused):
		return apierror.New(apierror.BaseURLRefused, "The base URL of the organisation's own credential leads to an address that is not public.")
	case begun:
		return apierror.New(apierror.ProviderCut, "The provider's answer broke off.")
	case strings.Contains(err.Error(), "malformed HTTP"), strings.Contains(err.Error(), "server response headers exceeded"):
		return apierror.New(apierror.ProviderUnreadable, "The provider's answer is not HTTP.")
	default:
		return apierror.New(apierror.ProviderUnreachable, "The provider could not be reached.")
	}
}
