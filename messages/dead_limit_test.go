package messages

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestDeadLimits(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]DeadLimit{
		"0": {}, "500": {Items: 500}, "1%": {Percent: 1}, "0.5%": {Percent: 0.5}, "100%": {Percent: 100},
	} {
		got, err := ParseDeadLimit(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got)
		require.Equal(t, text, got.String())
	}
	for _, text := range []string{"", "%", "-1", "0%", "101%", "1 %", "1.5", "1e3", "1e1%", "NaN%", "+5%", "many", "99999999999999999999"} {
		_, err := ParseDeadLimit(text)
		require.ErrorIs(t, err, ErrDeadLimit, text)
	}
}

func TestDeadLimitIsReached(t *testing.T) {
	t.Parallel()
	file := func(done, failed, dead, discarded int64) *File {
		return &File{DoneItems: done, FailedItems: failed, DeadItems: dead, DiscardedItems: min(dead, discarded), DiscardedFailed: discarded - min(dead, discarded)}
	}
	for name, c := range map[string]struct {
		limit DeadLimit
		file  *File
		want  bool
	}{
		"no limit":                        {DeadLimit{}, file(0, 1000, 1000, 0), false},
		"below a number":                  {DeadLimit{Items: 5}, file(0, 2, 2, 0), false},
		"a number":                        {DeadLimit{Items: 5}, file(0, 2, 3, 0), true},
		"a number with discarded ones":    {DeadLimit{Items: 5}, file(0, 2, 3, 1), false},
		"a number with discarded failed":  {DeadLimit{Items: 5}, file(0, 5, 1, 2), false},
		"a share":                         {DeadLimit{Percent: 1}, file(990, 5, 5, 0), true},
		"below a share":                   {DeadLimit{Percent: 1}, file(991, 5, 4, 0), false},
		"a share of few":                  {DeadLimit{Percent: 1}, file(0, 50, 49, 0), false},
		"one item is more than the share": {DeadLimit{Percent: 0.1}, file(998, 1, 0, 0), false},
		"one item is the share":           {DeadLimit{Percent: 0.1}, file(999, 1, 0, 0), true},
	} {
		require.Equal(t, c.want, c.limit.Reached(c.file), name)
	}
}
