package e2e

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Every test that docs/reliability.md names exists, and every row names a test or a reason.
func TestReliabilityPage(t *testing.T) {
	t.Parallel()
	page, err := os.ReadFile("../docs/reliability.md")
	require.NoError(t, err)
	exists := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^func ((?:Test|Fuzz)\w+)\(`)
	require.NoError(t, filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || !strings.HasSuffix(path, "_test.go") {
			return err
		}
		source, err := os.ReadFile(path)
		for _, m := range declared.FindAllSubmatch(source, -1) {
			exists[string(m[1])] = true
		}
		return err
	}))
	named := regexp.MustCompile("`((?:Test|Fuzz)\\w+)`").FindAllSubmatch(page, -1)
	require.Greater(t, len(named), 100)
	for _, m := range named {
		require.True(t, exists[string(m[1])], "the page names %s, which does not exist", m[1])
	}
	for _, row := range append(numberedRows("S", 19), numberedRows("F", 40)...) {
		require.Regexp(t, `(?m)^\| `+row+` \|[^|]+\|[^|]{10,}\|$`, string(page), "row %s", row)
	}
}

func numberedRows(letter string, n int) (out []string) {
	for i := range n {
		out = append(out, letter+strconv.Itoa(i+1))
	}
	return out
}
