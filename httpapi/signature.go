package httpapi

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"strconv"
	"strings"
	"time"
)

// signingKey signs the calls that a standby forwards. It is derived from the API token,
// which all masters of a deployment share, and does not reveal it.
type signingKey []byte

// maxClockSkew is the largest difference between the clocks of two masters, and
// therefore the time for which a signature is valid.
const maxClockSkew = 30 * time.Second

func newSigningKey(token string) signingKey {
	return derivedKey(token, "kafka-master: calls passed on, 1")
}

// derivedKey returns a key for one purpose, nil without a token.
func derivedKey(token, purpose string) []byte {
	if token == "" {
		return nil
	}
	mac := hmac.New(sha256.New, []byte(token))
	mac.Write([]byte(purpose))
	return mac.Sum(nil)
}

// sign returns the signature of one call to the master at the address api. It is not
// valid for another call or another master, so whoever receives it by mistake cannot use
// it.
func (k signingKey) sign(method, target, api string, body []byte) string {
	at := strconv.FormatInt(time.Now().Unix(), 10)
	return at + "." + k.sum(at, method, target, api, body)
}

// verify reports whether the signature belongs to this call and was made a short time
// ago.
func (k signingKey) verify(signature, method, target, api string, body []byte) bool {
	at, sum, ok := strings.Cut(signature, ".")
	seconds, err := strconv.ParseInt(at, 10, 64)
	if k == nil || api == "" || !ok || err != nil || time.Since(time.Unix(seconds, 0)).Abs() > maxClockSkew {
		return false
	}
	return hmac.Equal([]byte(sum), []byte(k.sum(at, method, target, api, body)))
}

func (k signingKey) sum(at, method, target, api string, body []byte) string {
	parts := []string{at, method, target, api}
	if len(body) > 0 { // Calls without a body are signed as by earlier versions.
		parts = append(parts, string(body))
	}
	return sumOf(k, parts...)
}

// sumOf returns the HMAC of several texts, each with its length.
func sumOf(key []byte, parts ...string) string {
	mac := hmac.New(sha256.New, key)
	for _, part := range parts {
		mac.Write([]byte(strconv.Itoa(len(part)) + ":" + part))
	}
	return base64.RawURLEncoding.EncodeToString(mac.Sum(nil))
}
