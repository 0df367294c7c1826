package actors

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
)

// simPanics is a log in which a panic that nobody caused is a violation. Without it a term
// that ends by a panic would look like any other that ends.
type simPanics struct {
	slog.Handler
	w *simWorld
}

// Handle implements slog.Handler.
func (h simPanics) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == "actor panicked" {
		r.Attrs(func(a slog.Attr) bool {
			cause := fmt.Sprint(a.Value)
			if a.Key == "err" && !(h.w.panicked && strings.Contains(cause, "nil pointer dereference")) { // see actorPanics
				h.w.history.violate("S13", "an actor panics: %s", cause)
			}
			return true
		})
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h simPanics) WithAttrs(attrs []slog.Attr) slog.Handler {
	return simPanics{h.Handler.WithAttrs(attrs), h.w}
}

// WithGroup implements slog.Handler.
func (h simPanics) WithGroup(name string) slog.Handler {
	return simPanics{h.Handler.WithGroup(name), h.w}
}
