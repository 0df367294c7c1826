package messages_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestAuditKeepsTheLastChanges(t *testing.T) {
	t.Parallel()
	var a messages.Audit
	at := time.Date(2026, 11, 26, 10, 0, 0, 123_456_789, time.FixedZone("", 3600))
	for n := range messages.MaxAudit + 5 {
		former := a
		a = a.With(messages.AuditEntry{At: at, By: "api", Action: messages.ActionBatchSize, Old: fmt.Sprint(n), New: fmt.Sprint(n + 1)})
		require.Len(t, former, min(n, messages.MaxAudit), "a list that somebody has does not change")
	}
	require.Len(t, a, messages.MaxAudit)
	require.Equal(t, "5", a[0].Old)
	require.Equal(t, a, messages.DecodeAudit(a.EncodeRecord()))
	require.Equal(t, time.Date(2026, 11, 26, 9, 0, 0, 123e6, time.UTC), a[0].At)
}

// What the client sends is foreign text, and there may be much of it.
func TestAuditCleansTexts(t *testing.T) {
	t.Parallel()
	a := messages.Audit{}.With(messages.AuditEntry{By: "a\x1b[2J\nb", Target: strings.Repeat("x", 10_000)})
	require.NotContains(t, a[0].By, "\x1b")
	require.NotContains(t, a[0].By, "\n")
	require.Less(t, len(a[0].Target), 1000)
}

func TestAuditThatCannotBeReadIsEmpty(t *testing.T) {
	t.Parallel()
	require.Empty(t, messages.DecodeAudit(""))
	require.Empty(t, messages.DecodeAudit("{"))
}
