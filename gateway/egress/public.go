package egress

import "net/netip"

// public tells that an address is one of the internet's and not special: of IANA's
// registries, what is globally reachable unicast.
func public(a netip.Addr) bool {
	if a.Zone() != "" {
		return false
	}
	a = a.Unmap() // ::ffff:127.0.0.1 is 127.0.0.1
	if !a.Is4() {
		if translated.Contains(a) {
			b := a.As16()
			return public(netip.AddrFrom4([4]byte(b[12:])))
		}
		if !unicast6.Contains(a) {
			return false // loopback, link-local, unique local, multicast, and what nobody was given
		}
	}
	for _, p := range special {
		if p.Contains(a) {
			return false
		}
	}
	return true
}

var (
	// unicast6 is all that is given out of IPv6.
	unicast6 = netip.MustParsePrefix("2000::/3")
	// translated holds an IPv4 address in its end, see RFC 6052: public where that is.
	translated = netip.MustParsePrefix("64:ff9b::/96")
	// special is what of the rest is not public.
	special = prefixes(
		"0.0.0.0/8",         // this network, and unspecified
		"10.0.0.0/8",        // private
		"100.64.0.0/10",     // carriers' NAT; Alibaba's metadata
		"127.0.0.0/8",       // loopback
		"168.63.129.16/32",  // Azure's services for its machines
		"169.254.0.0/16",    // link-local; the metadata of most clouds
		"172.16.0.0/12",     // private
		"192.0.0.0/24",      // protocols; Oracle's metadata
		"192.0.2.0/24",      // examples
		"192.31.196.0/24",   // AS112
		"192.52.193.0/24",   // AMT
		"192.88.99.0/24",    // 6to4 relays
		"192.168.0.0/16",    // private
		"192.175.48.0/24",   // AS112
		"198.18.0.0/15",     // benchmarks
		"198.51.100.0/24",   // examples
		"203.0.113.0/24",    // examples
		"224.0.0.0/4",       // multicast
		"240.0.0.0/4",       // reserved, and broadcast
		"2001::/23",         // protocols; Teredo, which holds an IPv4 address
		"2001:db8::/32",     // examples
		"2002::/16",         // 6to4, which holds an IPv4 address
		"2620:4f:8000::/48", // AS112
		"3fff::/20",         // examples
	)
)

func prefixes(texts ...string) []netip.Prefix {
	list := make([]netip.Prefix, len(texts))
	for i, text := range texts {
		list[i] = netip.MustParsePrefix(text)
	}
	return list
}
