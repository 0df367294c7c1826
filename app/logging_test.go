package app

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"
	"unicode"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/settings"
	"kafka-master/messages"
)

// Foreign text has no effect on a terminal, in either format, and the length of a value is
// bounded.
func TestLogIsHarmless(t *testing.T) {
	t.Parallel()
	const evil = "a\x1b]0;X\x1b\\b\u009b31m\u202e\r\nc\x7f"
	for _, format := range []string{"text", "json"} {
		for _, terminal := range []bool{false, true} {
			var b bytes.Buffer
			log := newLogger(settings.Settings{LogFormat: format}, slog.LevelInfo, &b, terminal)
			log.With("worker_id", messages.WorkerID(evil)).Warn("chunk is dead "+evil, "reason", evil, "err", fmt.Errorf("read %s: %w", evil, errors.Join(errors.New(evil), errors.New("2"))),
				"list", []messages.WorkerID{evil}, "all", struct{ Name string }{evil}, "numbers", []int32{1, 2}, "long", strings.Repeat("x", 1<<20), "wait", 5*time.Second, "took", 1234567*time.Microsecond)
			text := b.String()
			if format == "text" && terminal { // its own colours
				for _, code := range []string{"\x1b[2m", "\x1b[22m", "\x1b[0m", "\x1b[93m", "\x1b[91m", "\x1b[2;91m", "\x1b[91;22m", "\x1b[22;91m"} {
					text = strings.ReplaceAll(text, code, "")
				}
			}
			for i, r := range strings.TrimSuffix(text, "\n") {
				require.True(t, unicode.IsPrint(r), "%s %v: %q at %d of %.300q", format, terminal, r, i, text)
			}
			require.Less(t, len(text), 3*maxLogValue)
			require.Contains(t, text, "5s")
			require.Contains(t, text, "1.23s")
		}
	}
}

func TestStacksKeepTheirLines(t *testing.T) {
	t.Parallel()
	require.Equal(t, "a\n    b?", cleanValue("stack", "a\n\tb\x1b"))
	require.Equal(t, "a; b", cleanValue("err", "a\nb"))
	require.LessOrEqual(t, len(cleanValue("stack", strings.Repeat("x\n", 1<<20))), maxLogStack)
}

func TestLinesOfOneMessageAreDropped(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	log := slog.New(without{newLogger(settings.Settings{LogFormat: "json"}, slog.LevelInfo, &b, false).Handler(), "problem"})
	log.With("a", 1).WithGroup("g").Warn("problem", "kind", "x")
	log.With("a", 1).Warn("a problem")
	require.Equal(t, 1, strings.Count(b.String(), "\n"))
}

func TestLogLevelChangesAtRunTime(t *testing.T) {
	t.Parallel()
	var b bytes.Buffer
	level := newLogLevel(slog.LevelWarn)
	log, muted, done := openLog(settings.Settings{LogFormat: "json"}, level, &b)
	for _, name := range []string{"default", "debug", "error", "info", "default"} {
		level.use(name)
		log.Debug("debug, at "+name, "a", 1)
		log.Info("info, at " + name)
		muted.Info("muted, at " + name)
		log.Warn("warn, at " + name)
	}
	done()
	for text, shown := range map[string]bool{
		"debug, at debug": true, "info, at debug": true, "warn, at error": false, "info, at info": true, "debug, at info": false,
		"muted, at debug": false, "info, at default": false, "warn, at default": true,
	} {
		require.Equal(t, shown, strings.Contains(b.String(), text), text)
	}
}
