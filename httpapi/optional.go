package httpapi

import (
	"encoding/json"
	"reflect"

	"github.com/danielgtaylor/huma/v2"
)

// optional is a field of a body that may be left out, and may be null: what is left out stays
// as it is, null removes it.
type optional[T any] struct {
	sent  bool
	value *T // nil for null
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *optional[T]) UnmarshalJSON(text []byte) error {
	o.sent = true
	return json.Unmarshal(text, &o.value)
}

// Schema implements huma.SchemaProvider.
func (o optional[T]) Schema(r huma.Registry) *huma.Schema {
	s := *r.Schema(reflect.TypeFor[T](), true, "")
	s.Nullable = true
	return &s
}

// orZero returns the value as the actors take it: nil when it was left out, and the zero
// value for null.
func (o optional[T]) orZero() *T {
	if o.sent && o.value == nil {
		return new(T)
	}
	return o.value
}
