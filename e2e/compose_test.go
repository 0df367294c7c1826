package e2e

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What docker-compose.yml takes from .env stands in the sample, with the same
// default.
func TestComposeVariablesAreInTheSample(t *testing.T) {
	t.Parallel()
	compose, err := os.ReadFile("../docker-compose.yml")
	require.NoError(t, err)
	sample, err := os.ReadFile("../.env.example")
	require.NoError(t, err)
	used := regexp.MustCompile(`\$\{([A-Z0-9_]+):-([^}]*)\}`).FindAllStringSubmatch(string(compose), -1)
	require.NotEmpty(t, used)
	require.Len(t, used, strings.Count(string(compose), "${"), "a variable has no default")
	for _, u := range used {
		require.Contains(t, string(sample), "\n#"+u[1]+"="+u[2]+"\n")
	}
}
