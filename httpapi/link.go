package httpapi

import (
	"crypto/hmac"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// linkKey signs links to downloads, since a browser sends no token with a link that is
// clicked. It is derived from the API token, so that every master of a deployment accepts the
// links of the others, and nothing about them is stored.
type linkKey []byte

// linkValid is how long a link can be used. A download that has begun goes on.
const linkValid = 10 * time.Minute

// The parameters of a link.
const (
	linkExpires   = "expires"
	linkSignature = "signature"
)

func newLinkKey(token string) linkKey { return derivedKey(token, "kafka-master: links, 1") }

// sign returns the parameters of a link to a path that can be used until a time.
func (k linkKey) sign(path string, until time.Time) string {
	expires := strconv.FormatInt(until.Unix(), 10)
	return url.Values{linkExpires: {expires}, linkSignature: {sumOf(k, expires, path)}}.Encode()
}

// verify reports whether a call uses a link that was signed for its path and can still be used.
func (k linkKey) verify(r *http.Request) bool {
	values, err := url.ParseQuery(r.URL.RawQuery)
	if k == nil || err != nil || len(values[linkExpires]) != 1 || len(values[linkSignature]) != 1 {
		return false
	}
	expires := values[linkExpires][0]
	at, err := strconv.ParseInt(expires, 10, 64)
	if err != nil || !time.Now().Before(time.Unix(at, 0)) {
		return false
	}
	return hmac.Equal([]byte(values[linkSignature][0]), []byte(sumOf(k, expires, r.URL.Path)))
}
