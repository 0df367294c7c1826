package actors

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestPlannerNamesAreUsedAgain(t *testing.T) {
	t.Parallel()
	var names plannerNames
	require.Equal(t, "batch-planner-0", names.take())
	require.Equal(t, "batch-planner-1", names.take())
	names.put("master/term-1/intake/batch-planner-0")
	names.put("master/term-1/intake/scanner")
	require.Equal(t, "batch-planner-0", names.take())
	require.Equal(t, "batch-planner-2", names.take())
}
