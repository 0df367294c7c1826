package messages

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestItemRanges(t *testing.T) {
	t.Parallel()
	require.Nil(t, ItemRanges(nil))
	require.Equal(t, []ItemRange{{0, 0}, {3, 5}, {7, 7}}, ItemRanges([]int{0, 3, 4, 5, 7}))
	many := make([]int, MaxItemRanges)
	for i := range many {
		many[i] = 2 * i
	}
	require.Len(t, ItemRanges(many), MaxItemRanges)
	require.Len(t, ItemRanges(append(many, 2*MaxItemRanges-1)), MaxItemRanges, "it continues the last one")
	require.Nil(t, ItemRanges(append(many, 2*MaxItemRanges)))
	require.EqualValues(t, 3, ItemRange{3, 5}.Len())
}

// finalWith decodes a final message with more fields.
func finalWith(fields string) (Signal, error) {
	return DecodeSignal([]byte(`{"id":"w","batchId":"b","processing":10,"total":10,` + fields + `}`))
}

func TestFailedItemsOfNativeWorkers(t *testing.T) {
	t.Parallel()
	ok := `"protocol":2,"result":"ok",`
	for fields, want := range map[string]Signal{
		`"failed":0`:                                          {},
		`"failed":null,"failed_items":null`:                   {},
		`"failed":10,"failed_items":[[0,9]]`:                  {FailedItems: 10, FailedRanges: []ItemRange{{0, 9}}},
		`"failed":3,"failed_items":[[1,2],[ 3 , 3 ]]`:         {FailedItems: 3, FailedRanges: []ItemRange{{1, 2}, {3, 3}}},
		`"failed":3`:                                          {FailedItems: 3},
		`"output_lines":0`:                                    {Recorded: true},
		`"failed":1,"failed_items":[[9,9]],"output_lines":12`: {FailedItems: 1, FailedRanges: []ItemRange{{9, 9}}, Recorded: true, OutputLines: 12},
	} {
		s, err := finalWith(ok + fields)
		require.NoError(t, err, fields)
		require.Equal(t, want, Signal{FailedItems: s.FailedItems, FailedRanges: s.FailedRanges, Recorded: s.Recorded, OutputLines: s.OutputLines}, fields)
	}
}

// Ranges that do not fit the number of failed items do not say which ones failed.
func TestRangesThatDoNotFitAreIgnored(t *testing.T) {
	t.Parallel()
	var many []string
	for i := range MaxItemRanges + 1 {
		many = append(many, fmt.Sprintf("[%d,%d]", 2*i, 2*i))
	}
	for _, ranges := range []string{
		"[]", "[[3,3]]", "[[3,5]]", "[[5,6],[3,3]]", "[[3,4],[4,4]]", "[[4,3],[5,7]]", "[[-1,0]]", "[[9,10]]", "[[3]]", "[[3,4,5]]", "[3,4]", `"3-4"`, "{}", "true", "[[3.0,4]]",
		"[[4294967299,4294967300]]", "[[9223372036854775807,9223372036854775808]]", "[" + strings.Join(many, ",") + "]",
	} {
		s, err := finalWith(`"protocol":2,"result":"ok","failed":2,"failed_items":` + ranges)
		require.NoError(t, err, "%.80s", ranges)
		require.EqualValues(t, 2, s.FailedItems, "%.80s", ranges)
		require.Nil(t, s.FailedRanges, "%.80s", ranges)
	}
}

func TestNumbersOfFailedItemsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, fields := range []string{
		`"failed":-1`, `"failed":11`, `"failed":1.5`, `"failed":"3"`, `"failed":true`, `"failed":[[1,2]]`, `"failed":9223372036854775808`,
		`"output_lines":-1`, `"output_lines":1099511627777`, `"output_lines":"many"`, `"failed":` + strings.Repeat("7", 100_000),
	} {
		_, err := finalWith(`"protocol":2,"result":"ok",` + fields)
		require.ErrorIs(t, err, ErrBadSignal, "%.80s", fields)
		require.Less(t, len(err.Error()), 300)
	}
}

// Only the success of a native worker tells of failed items. Whatever others send under
// these names changes nothing.
func TestFailedItemsOfOthersAreIgnored(t *testing.T) {
	t.Parallel()
	for _, rest := range []string{`"failed":3,"failed_items":[[0,2]],"output_lines":1`, `"failed":-3`, `"failed":true`, `"failed":{"x":[1]},"failed_items":"no"`, `"failed":99`} {
		for _, sender := range []string{"", `"result":"ok",`, `"protocol":2,"result":"failed",`, `"protocol":2,"result":"retry",`, `"protocol":2,`} {
			s, err := finalWith(sender + rest)
			require.NoError(t, err, sender+rest)
			require.Zero(t, s.FailedItems)
			require.Nil(t, s.FailedRanges)
			require.False(t, s.Recorded)
			require.Zero(t, s.OutputLines)
			require.True(t, s.Final())
		}
	}
}
