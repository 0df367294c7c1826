package worker

import (
	"context"
	"encoding/json"
	"errors"
	"net/netip"
	"strings"
)

// answer is the line that the sample handler writes about one item.
type answer struct {
	Item    string `json:"item"`
	Version int    `json:"version"` // 4 or 6
	Scope   string `json:"scope"`
}

// errNoAddress is the reason of an item that the sample handler cannot process.
var errNoAddress = errors.New("not an IP address")

// SampleHandler parses each item as an IP address and writes one line of JSON about
// it to the chunk's result below dir, in the order of the items:
//
//	{"item":"10.0.0.1","version":4,"scope":"private"}
//
// An item that is no address has failed, see Chunk.Fail.
//
// The scopes are those of the IANA registries: global, private, shared
// (carrier NAT), loopback, link-local, multicast, unspecified, broadcast,
// documentation, benchmarking and reserved.
func SampleHandler(dir string) Handler {
	results := NewResults(dir)
	return func(ctx context.Context, chunk Chunk, progress func(int)) error {
		out, err := results.Create(chunk)
		if err != nil {
			return err
		}
		defer out.Abort()
		enc := json.NewEncoder(out)
		enc.SetEscapeHTML(false)
		for i, item := range chunk.Items {
			if err := ctx.Err(); err != nil {
				return err
			}
			if a, ok := examine(item); !ok {
				chunk.Fail(i, errNoAddress)
			} else if err := enc.Encode(a); err != nil {
				return err
			}
			out.EndItem(i)
			progress(i + 1)
		}
		return out.Commit()
	}
}

// examine returns the line about an item; ok is false if it is no address.
func examine(item string) (a answer, ok bool) {
	addr, err := netip.ParseAddr(strings.TrimSpace(item))
	if err != nil {
		return answer{}, false
	}
	a = answer{Item: item, Version: 6, Scope: scopeOf(addr)}
	if addr.Is4() {
		a.Version = 4
	}
	return a, true
}

// ranges are the address ranges that package netip has no method for. The first one
// that contains an address determines its scope.
var ranges = [...]struct {
	prefix netip.Prefix
	scope  string
}{
	{netip.MustParsePrefix("255.255.255.255/32"), "broadcast"},
	{netip.MustParsePrefix("100.64.0.0/10"), "shared"},
	{netip.MustParsePrefix("192.0.2.0/24"), "documentation"},
	{netip.MustParsePrefix("198.51.100.0/24"), "documentation"},
	{netip.MustParsePrefix("203.0.113.0/24"), "documentation"},
	{netip.MustParsePrefix("2001:db8::/32"), "documentation"},
	{netip.MustParsePrefix("3fff::/20"), "documentation"},
	{netip.MustParsePrefix("198.18.0.0/15"), "benchmarking"},
	{netip.MustParsePrefix("2001:2::/48"), "benchmarking"},
	{netip.MustParsePrefix("0.0.0.0/8"), "reserved"},
	{netip.MustParsePrefix("192.0.0.0/24"), "reserved"},
	{netip.MustParsePrefix("240.0.0.0/4"), "reserved"},
}

// scopeOf returns the scope of an address. An IPv4-mapped IPv6 address has the scope
// of the IPv4 address.
func scopeOf(addr netip.Addr) string {
	addr = addr.Unmap()
	switch {
	case addr.IsUnspecified():
		return "unspecified"
	case addr.IsLoopback():
		return "loopback"
	case addr.IsMulticast():
		return "multicast"
	case addr.IsLinkLocalUnicast():
		return "link-local"
	case addr.IsPrivate():
		return "private"
	}
	addr = addr.WithZone("") // no prefix contains an address with a zone
	for _, r := range ranges {
		if r.prefix.Contains(addr) {
			return r.scope
		}
	}
	if addr.Is6() && !netip.PrefixFrom(netip.AddrFrom16([16]byte{0x20}), 3).Contains(addr) {
		return "reserved" // only 2000::/3 is allocated
	}
	return "global"
}
