package throttle

import (
	"fmt"
	"net/http"
	"net/netip"
	"strings"
)

const (
	// XForwardedFor is the header of custom that a trusted proxy may say the client's address in.
	XForwardedFor = "x-forwarded-for"
	// Forwarded is the one of RFC 7239.
	Forwarded = "forwarded"

	// maxForwardedBytes and maxForwardedEntries bound what is read of such a header, all its lines together. With more
	// than that it counts as not sent.
	maxForwardedBytes   = 4 << 10
	maxForwardedEntries = 32

	// noKey is the key of an address that is not known.
	noKey = "unknown"
)

// AddressesOptions say which proxies are believed, and in what.
type AddressesOptions struct {
	// TrustedProxies are the networks of the proxies before the facade, in CIDR notation. None: nobody is believed.
	TrustedProxies []string
	// Header is the one that those proxies write: XForwardedFor or Forwarded. The other is never looked at, since who
	// does not write a header does not clean it either. Empty means XForwardedFor.
	Header string
}

// Addresses tells where requests come from.
type Addresses struct {
	trusted []netip.Prefix
	header  string
	parse   func(string) ([]netip.Addr, bool)
}

// NewAddresses reads the options. Its errors name what is wrong with them.
func NewAddresses(o AddressesOptions) (*Addresses, error) {
	a := &Addresses{}
	for _, text := range o.TrustedProxies {
		prefix, err := netip.ParsePrefix(strings.TrimSpace(text))
		if err != nil {
			return nil, fmt.Errorf("--trusted-proxies: %q is no network: expected CIDR notation, such as 10.0.0.0/8", text)
		}
		if prefix.Addr().Is4In6() {
			return nil, fmt.Errorf("--trusted-proxies: %q is an IPv4 network in IPv6: write it as IPv4, such as 10.0.0.0/8", text)
		}
		a.trusted = append(a.trusted, prefix.Masked())
	}
	switch o.Header {
	case XForwardedFor, "":
		a.header, a.parse = "X-Forwarded-For", parseXForwardedFor
	case Forwarded:
		a.header, a.parse = "Forwarded", parseForwarded
	default:
		return nil, fmt.Errorf("--client-address-header: %q is none: expected %s or %s", o.Header, XForwardedFor, Forwarded)
	}
	return a, nil
}

// Of is the address of the client: that of the connection, unless it is a trusted proxy's. Then it is the first address
// from the right of the header that is not a trusted proxy's too: each proxy appends whom it was called by, so what
// stands to the left of that is hearsay. An entry that is no address ends the walk: the client is then known by the
// proxy that wrote it. IPv4 in IPv6 comes as IPv4, and zones are dropped. The address is invalid (the zero Addr) if the
// connection has none.
func (a *Addresses) Of(r *http.Request) netip.Addr {
	connection := connectionAddress(r.RemoteAddr)
	if !a.isTrusted(connection) {
		return connection
	}
	lines := r.Header.Values(a.header)
	length := 0
	for _, line := range lines {
		length += len(line) + 1
	}
	if length == 0 || length > maxForwardedBytes {
		return connection
	}
	hops, ok := a.parse(strings.Join(lines, ","))
	if !ok {
		return connection
	}
	client := connection
	for i := len(hops) - 1; i >= 0 && a.isTrusted(client) && hops[i].IsValid(); i-- {
		client = hops[i]
	}
	return client
}

func (a *Addresses) isTrusted(addr netip.Addr) bool {
	for _, p := range a.trusted {
		if p.Contains(addr) {
			return true
		}
	}
	return false
}

// Key is what an address is counted by: an IPv4 address itself, and of an IPv6 address its /64, since that is what one
// machine may change its address within.
func Key(addr netip.Addr) string {
	addr = normal(addr)
	switch {
	case !addr.IsValid():
		return noKey
	case addr.Is4():
		return addr.String()
	}
	network, _ := addr.Prefix(64) // which fails for IPv4 only
	return network.String()
}

// connectionAddress reads http.Request's RemoteAddr.
func connectionAddress(remote string) netip.Addr {
	if ap, err := netip.ParseAddrPort(remote); err == nil {
		return normal(ap.Addr())
	}
	return netip.Addr{}
}

// normal is an address as it is compared: IPv4 as IPv4, and without a zone.
func normal(addr netip.Addr) netip.Addr { return addr.Unmap().WithZone("") }
