package app

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"log/slog"
	"reflect"
	"strings"
	"time"

	"github.com/lmittmann/tint"

	"kafka-master/console"
	"kafka-master/infra/settings"
	"kafka-master/messages"
)

// openLog returns the log of a command that runs for long. It never blocks: see
// spool. close writes what waits.
func openLog(s settings.Settings, w io.Writer) (log *slog.Logger, close func()) {
	terminal := console.IsTerminal(w)
	out := newSpool(w, func(n int64) []byte {
		var b bytes.Buffer
		newLogger(s, &b, terminal).Warn("log lines were dropped: they could not be written in time, or not at all", "lines", n)
		return b.Bytes()
	})
	return newLogger(s, out, terminal), out.close
}

// newLogger writes to w: text for a terminal, JSON for everything else, or as
// LOG_FORMAT says.
func newLogger(s settings.Settings, w io.Writer, terminal bool) *slog.Logger {
	if s.LogFormat == "json" || s.LogFormat == "auto" && !terminal {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: s.LogLevel, ReplaceAttr: harmless}))
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{Level: s.LogLevel, NoColor: !terminal, TimeFormat: time.TimeOnly, ReplaceAttr: harmless}))
}

const (
	// maxLogValue is how much of one value is logged, in characters: error texts
	// may hold a whole message of somebody else.
	maxLogValue = 4096
	// maxLogStack is how much of a stack.
	maxLogStack = 64 << 10
)

// harmless makes the values of a line fit for a terminal, whatever text of others is
// in them, and durations readable.
func harmless(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(cleanValue(a.Key, a.Value.String()))
	case slog.KindDuration:
		a.Value = slog.StringValue(readable(a.Value.Duration()))
	case slog.KindAny:
		if _, level := a.Value.Any().(slog.Level); !level { // which the handlers name themselves
			a.Value = harmlessValue(a.Key, a.Value.Any())
		}
	}
	return a
}

func harmlessValue(key string, x any) slog.Value {
	switch x := x.(type) {
	case error:
		return slog.StringValue(cleanValue(key, x.Error()))
	case fmt.Stringer:
		return slog.StringValue(cleanValue(key, x.String()))
	}
	switch v := reflect.ValueOf(x); v.Kind() {
	case reflect.String:
		return slog.StringValue(cleanValue(key, v.String()))
	case reflect.Slice, reflect.Array:
		if v.Type().Elem().Kind() == reflect.String {
			all := make([]string, v.Len())
			for i := range all {
				all[i] = cleanValue(key, v.Index(i).String())
			}
			return slog.AnyValue(all)
		}
		if k := v.Type().Elem().Kind(); k >= reflect.Bool && k <= reflect.Complex128 {
			return slog.AnyValue(x)
		}
	case reflect.Invalid, reflect.Bool, reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64,
		reflect.Uint, reflect.Uint8, reflect.Uint16, reflect.Uint32, reflect.Uint64, reflect.Float32, reflect.Float64:
		return slog.AnyValue(x)
	}
	return slog.StringValue(cleanValue(key, fmt.Sprintf("%+v", x)))
}

func cleanValue(key, text string) string {
	if key == "stack" {
		return messages.CleanLines(text[:min(len(text), maxLogStack)], maxLogValue)
	}
	if strings.Contains(text, "\n") { // of joined errors
		text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ")
	}
	return messages.Clean(text, maxLogValue)
}

// readable is a duration as a person writes it: "1.25s", "5m0s".
func readable(d time.Duration) string {
	switch {
	case d >= time.Minute:
		return d.Round(time.Second).String()
	case d >= time.Second:
		return d.Round(10 * time.Millisecond).String()
	case d >= time.Millisecond:
		return d.Round(10 * time.Microsecond).String()
	}
	return d.String()
}

// quieter drops the info lines of a logger: embedded workers are told of on the
// console.
func quieter(log *slog.Logger) *slog.Logger {
	return slog.New(atLeast{log.Handler(), slog.LevelWarn})
}

type atLeast struct {
	slog.Handler
	level slog.Level
}

// Enabled implements slog.Handler.
func (h atLeast) Enabled(ctx context.Context, l slog.Level) bool {
	return l >= h.level && h.Handler.Enabled(ctx, l)
}

// WithAttrs implements slog.Handler.
func (h atLeast) WithAttrs(attrs []slog.Attr) slog.Handler {
	return atLeast{h.Handler.WithAttrs(attrs), h.level}
}

// WithGroup implements slog.Handler.
func (h atLeast) WithGroup(name string) slog.Handler {
	return atLeast{h.Handler.WithGroup(name), h.level}
}

// without drops the lines of one message.
type without struct {
	slog.Handler
	message string
}

// Handle implements slog.Handler.
func (h without) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == h.message {
		return nil
	}
	return h.Handler.Handle(ctx, r)
}

// WithAttrs implements slog.Handler.
func (h without) WithAttrs(attrs []slog.Attr) slog.Handler {
	return without{h.Handler.WithAttrs(attrs), h.message}
}

// WithGroup implements slog.Handler.
func (h without) WithGroup(name string) slog.Handler {
	return without{h.Handler.WithGroup(name), h.message}
}

// quiet takes the Redis client's own log lines: our calls return every error.
type quiet struct{}

// Printf implements the client's logger.
func (quiet) Printf(context.Context, string, ...any) {}
