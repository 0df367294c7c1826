package actors

import (
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// levels are the log levels that a master was told, the last one last.
type levels struct {
	mu  sync.Mutex
	all []string
}

func (l *levels) use(level string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.all = append(l.all, level)
}

func (l *levels) last() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.all[len(l.all)-1]
}

// The log level is that of all masters, and outlives them.
func TestLogLevelIsThatOfAllMasters(t *testing.T) {
	t.Parallel()
	inWorld(t, func(w *world) {
		w.stop()
		var own, others levels
		w.cfg.OnLogLevel = own.use
		w.start()
		require.Equal(t, messages.DefaultLogLevel, own.last())
		w.cfg.OnLogLevel = others.use
		other := w.second()
		require.Equal(t, messages.LogLevel("default"), w.ask(messages.QueryLogLevel{}))
		require.ErrorIs(t, w.refusal(messages.SetLogLevel{Level: "loud"}), messages.ErrRange)
		require.Equal(t, messages.LogLevel("debug"), w.ask(messages.SetLogLevel{Level: "debug", By: "api"}))
		require.Equal(t, "debug", own.last())
		time.Sleep(compareEvery + time.Second)
		require.Equal(t, "debug", others.last(), "a standby reads it")
		require.Equal(t, []string{"log_level : default -> debug"}, w.changes())

		require.NoError(t, w.sys.Stop(t.Context()))
		time.Sleep(5 * time.Second)
		w.sys = other
		require.Equal(t, messages.LogLevel("debug"), w.ask(messages.QueryLogLevel{}), "the next leader knows it")
		w.ask(messages.SetLogLevel{Level: messages.DefaultLogLevel, By: "api"})
		require.Equal(t, messages.DefaultLogLevel, others.last())
	})
}
