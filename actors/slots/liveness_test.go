package slots

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"kafka-master/messages"
)

func TestLivenessTable(t *testing.T) {
	t.Parallel()
	start := time.Unix(1e9, 0)
	for name, c := range map[string]struct {
		kind  messages.WorkerKind
		state messages.WorkerState
		after time.Duration
		want  messages.WorkerState
	}{
		"alive":                     {messages.Native, messages.WorkerAnnounced, SuspectAfter - 1, messages.WorkerAnnounced},
		"suspect":                   {messages.Native, messages.WorkerAnnounced, SuspectAfter, messages.WorkerSuspect},
		"still suspect":             {messages.Native, messages.WorkerSuspect, LostAfter - 1, messages.WorkerSuspect},
		"lost":                      {messages.Native, messages.WorkerSuspect, LostAfter, messages.WorkerLost},
		"judged late":               {messages.Native, messages.WorkerAnnounced, time.Hour, messages.WorkerLost},
		"draining is not suspect":   {messages.Native, messages.WorkerDraining, SuspectAfter, messages.WorkerDraining},
		"draining is lost":          {messages.Native, messages.WorkerDraining, LostAfter, messages.WorkerLost},
		"lost is shown":             {messages.Native, messages.WorkerLost, ForgetAfter - 1, messages.WorkerLost},
		"lost is forgotten":         {messages.Native, messages.WorkerLost, ForgetAfter, messages.WorkerGone},
		"idle classic":              {messages.Classic, messages.WorkerAnnounced, 1000 * time.Hour, messages.WorkerAnnounced},
		"lost classic is forgotten": {messages.Classic, messages.WorkerLost, ForgetAfter, messages.WorkerGone},
		"gone stays gone":           {messages.Native, messages.WorkerGone, time.Hour, messages.WorkerGone},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := Liveness{kind: c.kind, state: c.state, last: start}
			l.Judge(start.Add(c.after))
			require.Equal(t, c.want, l.State())
		})
	}
}

func TestAnySignBringsBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		now := time.Unix(1e9, 0)
		l := Liveness{kind: messages.Native, state: messages.WorkerAnnounced, last: now}
		t.Repeat(map[string]func(*rapid.T){
			"sign": func(*rapid.T) {
				l.Sign(now)
				require.NotContains(t, []messages.WorkerState{messages.WorkerLost, messages.WorkerSuspect}, l.State())
			},
			"drain": func(*rapid.T) { l.Become(messages.WorkerDraining) },
			"judge": func(*rapid.T) {
				at, ok := l.Due()
				require.Equal(t, ok && !now.Before(at), l.Judge(now), "a judgement changes something exactly when one is due")
			},
			"": func(t *rapid.T) {
				if l.State() == messages.WorkerLost {
					require.GreaterOrEqual(t, l.Silence(now), LostAfter)
				}
				if l.Draining() {
					require.NotEqual(t, messages.WorkerAnnounced, l.State(), "a draining worker takes nothing")
				}
				now = now.Add(time.Duration(rapid.IntRange(0, 12_000).Draw(t, "ms")) * time.Millisecond)
			},
		})
	})
}
