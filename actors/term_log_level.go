package actors

import (
	"fmt"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// logLevelCommitted reports that the log level of all masters is in the store.
type logLevelCommitted struct {
	level string
	asker *actor.PID
}

// loadLogLevel takes over the stored log level. Standbys read it when they compare
// themselves with the state.
func (t *term) loadLogLevel() {
	t.logLevel = storedLogLevel(t.snap.Values)
	t.cfg.useLogLevel(t.logLevel)
}

func storedLogLevel(values map[string]string) string {
	if level := values[messages.ValueLogLevel]; messages.IsLogLevel(level) {
		return level
	}
	return messages.DefaultLogLevel
}

func (c Config) useLogLevel(level string) {
	if c.OnLogLevel != nil {
		c.OnLogLevel(level)
	}
}

func (t *term) onQueryLogLevel(ctx actor.Context) {
	if t.topics == nil {
		ctx.Respond(unavailable("the state is being loaded"))
		return
	}
	ctx.Respond(messages.LogLevel(t.logLevel))
}

func (t *term) onSetLogLevel(ctx actor.Context, q messages.SetLogLevel) {
	switch {
	case !messages.IsLogLevel(q.Level):
		ctx.Respond(fmt.Errorf("%w: log level %q, allowed are %s", messages.ErrRange, q.Level, strings.Join(messages.LogLevels(), ", ")))
	case t.topics == nil || t.draining != nil:
		ctx.Respond(unavailable("the master is starting or stopping"))
	default:
		ctx.Send(t.persistence, &write{
			term: t.term, after: []notice{{to: ctx.Self(), msg: &logLevelCommitted{level: q.Level, asker: ctx.Sender()}}},
			audit: &messages.AuditEntry{At: time.Now(), By: q.By, Action: messages.ActionLogLevel, Old: t.logLevel, New: q.Level},
			batch: messages.Batch{Values: []messages.Value{{Name: messages.ValueLogLevel, Value: q.Level}}},
		})
	}
}

func (t *term) onLogLevelCommitted(ctx actor.Context, m *logLevelCommitted) {
	t.log.Info("log level changed", "level", m.level, "was", t.logLevel)
	t.logLevel = m.level
	t.cfg.useLogLevel(m.level)
	if m.asker != nil {
		ctx.Send(m.asker, messages.LogLevel(m.level))
	}
}
