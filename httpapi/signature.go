package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// passKey signs the calls that a standby passes on. It is derived from the token,
// which all masters of a deployment share, and does not give it away.
type passKey []byte

// passFor is how far the clocks of two masters may be apart, and so how long a pass
// is good for.
const passFor = 30 * time.Second

func newPassKey(token string) passKey {
	if token == "" {
		return nil
	}
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte("kafka-master: calls passed on, 1"))
	return mac.Sum(nil)
}

// sign returns the pass of one call to one master. A pass that reached the wrong
// address is good for no other one, and for no other call.
func (k passKey) sign(method, target, api string) string {
	at := strconv.FormatInt(time.Now().Unix(), 10)
	return at + "." + k.sum(at, method, target, api)
}

// good reports whether a pass was signed for this call, a short time ago.
func (k passKey) good(pass, method, target, api string) bool {
	at, sum, ok := strings.Cut(pass, ".")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if k == nil || api == "" || !ok || err != nil || time.Since(time.Unix(seconds, 0)).Abs() > passFor {
		return false
	}
	return hmac.Equal([]byte(sum), []byte(k.sum(at, method, target, api)))
}

func (k passKey) sum(parts ...string) string {
	mac := hmac.New(sha256.New, k)
	for _, part := range parts {
		mac.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
