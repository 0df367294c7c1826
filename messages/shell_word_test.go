package messages

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestShellWord(t *testing.T) {
	t.Parallel()
	for word, want := range map[string]string{
		"ips.txt": "ips.txt", "": "''", "my file.txt": "'my file.txt'", "it's": `'it'\''s'`, "größe.txt": "'größe.txt'",
		"$(rm -rf)": "'$(rm -rf)'", "a\nb": `$'a\x0ab'`, "\x1b[31m'x'": `$'\x1b[31m\x27x\x27'`, "\xff": `$'\xff'`,
	} {
		require.Equal(t, want, ShellWord(word), "%q", word)
	}
}
