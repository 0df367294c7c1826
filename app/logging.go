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

// openLog returns the log of a command that runs for a long time, and one that drops lines
// of level info. Logging never blocks, see spool. close writes the remaining lines.
func openLog(s settings.Settings, level *logLevel, w io.Writer) (log, muted *slog.Logger, close func()) {
	terminal := console.IsTerminal(w)
	out := newSpool(w, func(n int64) []byte {
		var b bytes.Buffer
		newLogger(s, s.LogLevel, &b, terminal).Warn("log lines were dropped, since they could not be written in time or at all", "lines", n)
		return b.Bytes()
	})
	return newLogger(s, level, out, terminal), newLogger(s, atLeastWarn{level}, out, terminal), out.close
}

// logLevel is the level of the log. People may change it for all masters while they run.
type logLevel struct {
	own   slog.Level // LOG_LEVEL
	level slog.LevelVar
}

func newLogLevel(own slog.Level) *logLevel {
	l := &logLevel{own: own}
	l.level.Set(own)
	return l
}

// Level implements slog.Leveler.
func (l *logLevel) Level() slog.Level { return l.level.Level() }

// use takes over a level that people set, one of messages.LogLevels.
func (l *logLevel) use(name string) {
	level := l.own
	if name != messages.DefaultLogLevel {
		_ = level.UnmarshalText([]byte(name)) // the names are those of slog
	}
	l.level.Set(level)
}

// atLeastWarn drops lines of level info, whatever the level is.
type atLeastWarn struct{ slog.Leveler }

// Level implements slog.Leveler.
func (l atLeastWarn) Level() slog.Level { return max(l.Leveler.Level(), slog.LevelWarn) }

// newLogger returns a logger that writes to w in LOG_FORMAT, which defaults to text for a
// terminal and to JSON otherwise.
func newLogger(s settings.Settings, level slog.Leveler, w io.Writer, terminal bool) *slog.Logger {
	if s.LogFormat == "json" || s.LogFormat == "auto" && !terminal {
		return slog.New(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level, ReplaceAttr: harmless}))
	}
	return slog.New(tint.NewTextHandler(w, &tint.Options{Level: level, NoColor: !terminal, TimeFormat: time.TimeOnly, ReplaceAttr: harmless}))
}

const (
	// maxLogValue is the number of characters of a value that are logged. The text of an
	// error may contain a whole foreign message.
	maxLogValue = 4096
	// maxLogStack is the number of bytes of a stack that are logged.
	maxLogStack = 64 << 10
)

// harmless makes the values of a line safe for a terminal, whatever foreign text they
// contain, and durations readable.
func harmless(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(cleanValue(a.Key, a.Value.String()))
	case slog.KindDuration:
		a.Value = slog.StringValue(readable(a.Value.Duration()))
	case slog.KindAny:
		if _, level := a.Value.Any().(slog.Level); !level { // the handlers format levels themselves
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
	if strings.Contains(text, "\n") { // as in joined errors
		text = strings.ReplaceAll(strings.TrimSpace(text), "\n", "; ")
	}
	return messages.Clean(text, maxLogValue)
}

// readable returns a duration as a person writes it: "1.25s", "5m0s".
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

// without drops the lines with one message.
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

// quiet drops the log lines of the Redis client, since our calls return every error.
type quiet struct{}

// Printf implements the logger of the Redis client.
func (quiet) Printf(context.Context, string, ...any) {}
