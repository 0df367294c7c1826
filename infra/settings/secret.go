package settings

import (
	"fmt"
	"log/slog"
)

// mask is shown in place of a secret.
const mask = "***"

// Secret is a text that is not shown by fmt, slog or JSON. The zero value is a secret that
// is not set.
type Secret struct {
	// text is a pointer, since fmt does not call methods of unexported fields: for a
	// struct with a Secret it prints an address.
	text *string
}

// NewSecret returns a secret, which is not set if the text is empty.
func NewSecret(text string) Secret {
	if text == "" {
		return Secret{}
	}
	return Secret{text: &text}
}

// Reveal returns the text. It is meant for the one place that needs it.
func (s Secret) Reveal() string {
	if s.text == nil {
		return ""
	}
	return *s.text
}

// IsSet reports whether the secret has a text.
func (s Secret) IsSet() bool { return s.text != nil }

// String returns three stars.
func (Secret) String() string { return mask }

// GoString returns three stars.
func (Secret) GoString() string { return mask }

// Format writes three stars for every verb.
func (Secret) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(mask)) }

// MarshalJSON returns three stars as a JSON string.
func (Secret) MarshalJSON() ([]byte, error) { return []byte(`"` + mask + `"`), nil }

// MarshalText returns three stars.
func (Secret) MarshalText() ([]byte, error) { return []byte(mask), nil }

// LogValue returns three stars.
func (Secret) LogValue() slog.Value { return slog.StringValue(mask) }
