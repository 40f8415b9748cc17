// Package egress says where the gateway may be sent by its clients: which base
// URLs an organisation may name for its own keys, and which addresses may be
// dialled for them.
//
// Guarantee: no such connection reaches this machine, its network or the services
// that a cloud keeps for its machines, however the address is written and whatever
// a name resolves to: a URL is checked when it is given, and the address itself
// when it is dialled, after the name was resolved, so that a name which changes
// its address in between gains nothing. Only what is publicly routable is allowed,
// so that what is forgotten is refused.
//
// Concurrency: values. Failure: an error that says what to write instead; those
// of a dial are ErrRefused.
package egress

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"net/url"
	"strconv"
	"strings"
	"syscall"
)

// Rule is what the operator allows beyond public addresses over https. The zero
// value allows nothing more.
type Rule struct {
	// Private allows every address, this machine's too.
	Private bool
	// HTTP allows URLs without TLS.
	HTTP bool
}

// maxURL bounds a base URL, in bytes.
const maxURL = 2048

// Check reads a base URL that a client gave. The errors do not repeat it: it may
// hold a secret.
func (r Rule) Check(text string) (*url.URL, error) {
	if len(text) > maxURL {
		return nil, fmt.Errorf("it has %d bytes; at most %d are allowed", len(text), maxURL)
	}
	u, err := url.Parse(text)
	switch {
	case err != nil || u.Opaque != "" || u.Host == "":
		return nil, errors.New("it is not a URL such as https://api.openai.com/v1")
	case u.Scheme == "http" && !r.HTTP:
		return nil, errors.New("it begins with http://; write https://, or ask the operator for gateway.allow_http_base_urls")
	case u.Scheme != "http" && u.Scheme != "https":
		return nil, errors.New("it does not begin with https://")
	case u.User != nil:
		return nil, errors.New("it holds a user name; leave that out, the key goes into api_key")
	case strings.Contains(text, "#"):
		return nil, errors.New("it has a fragment, from # on; leave that out")
	case strings.HasSuffix(u.Host, ":"):
		return nil, errors.New("its port is empty; leave the colon out")
	}
	if port := u.Port(); port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return nil, errors.New("its port is not one of 1 to 65535")
		}
	}
	if err := r.checkHost(u.Hostname()); err != nil {
		return nil, err
	}
	return u, nil
}

// checkHost judges a host as it is written.
func (r Rule) checkHost(host string) error {
	if address, err := netip.ParseAddr(host); err == nil {
		return r.CheckAddr(address)
	}
	name := strings.ToLower(strings.TrimSuffix(host, "."))
	if name == "" || len(name) > 253 || strings.Trim(name, "abcdefghijklmnopqrstuvwxyz0123456789-_.") != "" {
		return errors.New("its host is not a name; write other letters than ASCII's as xn--…")
	}
	labels := strings.Split(name, ".")
	for _, label := range labels {
		if label == "" || len(label) > 63 {
			return errors.New("its host is not a name: one of the parts between the full stops is empty or too long")
		}
	}
	// What ends in a number is an address to some resolvers (2130706433, 0x7f.1,
	// 0177.0.0.1) and a name to none.
	last := labels[len(labels)-1]
	if strings.Trim(last, "0123456789") == "" || strings.HasPrefix(last, "0x") {
		return errors.New("its host is an address in an unusual notation; write four decimal numbers, or a name")
	}
	// Where private addresses are refused, these names lead nowhere else. All other
	// names are judged by their address, when it is dialled.
	if !r.Private && (len(labels) == 1 || last == "localhost") {
		return fmt.Errorf("its host is a name of this machine or its network: %w", ErrRefused)
	}
	return nil
}

// ErrRefused is the error of an address that is not public.
var ErrRefused = errors.New("the address is not public, and gateway.allow_private_base_urls is not set")

// CheckAddr judges an address.
func (r Rule) CheckAddr(address netip.Addr) error {
	if r.Private || public(address) {
		return nil
	}
	return ErrRefused
}

// Control judges the address of a connection that is about to be made; it is the
// ControlContext of a net.Dialer.
func (r Rule) Control(_ context.Context, _, address string, _ syscall.RawConn) error {
	to, err := netip.ParseAddrPort(address)
	if err != nil {
		return ErrRefused
	}
	return r.CheckAddr(to.Addr())
}
