package calls

import (
	"errors"
	"fmt"
	"net/url"
	"strings"

	"weir/e2e/bench/measure"
	"weir/e2e/stacktest"
)

const chatPath = "/v1/chat/completions"

// Target is a proxy under measurement.
type Target struct {
	Name    string
	Address string // host:port, plain HTTP
	Path    string // of chat completions
	Key     string
	Prefix  string // of the model's name, "mock/" for Weir
	Model   string // in place of the mock provider's models, whose options then are not asked for
	Pids    []int  // of all its processes
}

// ParseTarget is a gateway at a base URL as its clients are given it, "/v1" included or not.
func ParseTarget(base string) (Target, error) {
	u, err := url.Parse(base)
	if err != nil {
		return Target{}, fmt.Errorf("read the gateway's URL: %w", err)
	}
	if u.Scheme != "http" || u.Port() == "" {
		return Target{}, fmt.Errorf("the gateway's URL is %q and must be http://HOST:PORT, with or without a path", base)
	}
	return Target{Name: "gateway", Address: u.Host, Path: strings.TrimSuffix(strings.TrimSuffix(u.Path, "/"), "/v1") + chatPath}, nil
}

// StackTarget is the gateway of a stack.
func StackTarget(s *stacktest.Stack) Target {
	return Target{
		Name: "gateway", Address: strings.TrimPrefix(s.Gateway, "http://"), Path: chatPath, Key: s.APIKey, Prefix: "mock/",
		Pids: []int{s.Pids["gateway"]},
	}
}

// resident is the memory of all processes of the target.
func (t Target) resident() (int64, error) {
	var sum int64
	var list []error
	for _, pid := range t.Pids {
		bytes, err := measure.Resident(pid)
		sum, list = sum+bytes, append(list, err)
	}
	return sum, errors.Join(list...)
}

// Kind is a sort of call.
type Kind struct {
	Name   string
	Model  string // of the mock provider, with its options
	Stream bool
	more   string // put into the body
}

// Kinds are the calls that gateways are measured by: a body of about 1 kB answered by as much, and a
// stream of 32 content chunks.
func Kinds() []Kind {
	return []Kind{
		{"plain, 1 kB", "small:in=200,out=100", false,
			`,"metadata":{"padding":"` + strings.Repeat("w", 500) + `","more":"` + strings.Repeat("v", 380) + `"}`},
		{"streamed, 32 chunks", "small:in=200,out=64,chunks=32", true, stacktest.Streamed},
	}
}

// request is the bytes of one HTTP request, put together once: the load generator must not be what is
// measured.
func (t Target) request(k Kind) []byte {
	model := k.Model
	if t.Model != "" {
		model = t.Model
	}
	body := stacktest.ChatBody(t.Prefix+model, k.more)
	return fmt.Appendf(nil, "POST %s HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\n"+
		"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", t.Path, t.Address, t.Key, len(body), body)
}
