package app

import (
	"context"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Mistakes in the flags of --each are found before anything else happens.
func TestEachFlags(t *testing.T) {
	t.Parallel()
	for args, want := range map[string]string{
		"--each=true --exec=cat":                   "--exec one per chunk",
		"--jobs=4":                                 "--jobs goes with --each",
		"--shell":                                  "--shell goes with --each",
		"--unordered --exec=cat":                   "--unordered goes with --each",
		"--each=":                                  "it is empty",
		"--each=probe_'":                           "without closing quote",
		"--each={}":                                "cannot be the program",
		"--each=probe_{}_|_wc":                     "more than one command needs a shell: add --shell",
		"--each=probe_$HOME":                       "$HOME needs a shell: add --shell",
		"--each=probe --jobs=0":                    "--jobs 0: must be 1 to 1000",
		"--each=probe --jobs=1001":                 "--jobs 1001: must be 1 to 1000",
		"--each=probe --jobs=-1":                   "--jobs -1: must be 1 to 1000",
		"--each=probe --timeout=5ms":               "--timeout 5ms: must be 0 for no limit, or 10ms",
		"--each=probe --parallel=0":                "--parallel 0",
		"--each=a_$(({}+1)) --shell":               "$(( ))",
		"--each=probe --exec=cat --jobs=2 --shell": "use one of them",
	} {
		line := []string{"worker"}
		for arg := range strings.FieldsSeq(args) {
			line = append(line, strings.ReplaceAll(arg, "_", " "))
		}
		var stderr strings.Builder
		code := Run(context.Background(), line, func(string) (string, bool) { return "", false }, io.Discard, &stderr)
		require.Equal(t, ExitUsage, code, "%s: %s", args, stderr.String())
		require.Contains(t, stderr.String(), want, args)
	}
}
