package settings_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/spf13/pflag"
	"github.com/stretchr/testify/require"

	"kafka-master/infra/settings"
)

func TestSecretsAreNeverShown(t *testing.T) {
	t.Parallel()
	pairs := map[string]string{"KAFKA_BROKER_ADDRESS": "k", "KAFKA_SASL_MECHANISM": "PLAIN", "KAFKA_SASL_USERNAME": "u", "SMB_HOST": "h", "SMB_USER": "u"}
	for _, v := range settings.Variables() {
		if v.Secret {
			pairs[v.Name] = "redis://canary-canary"
		}
	}
	s, m := load(t, pairs)
	require.Empty(t, m)
	require.Equal(t, "redis://canary-canary", s.APIToken.Reveal())

	hidden := struct{ inner settings.Settings }{s} // fmt does not call methods of its fields
	var all bytes.Buffer
	for _, x := range []any{s, &s, hidden, s.APIToken, &s.APIToken, struct{ t settings.Secret }{s.APIToken}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%d"} {
			fmt.Fprintf(&all, verb+"\n", x)
		}
	}
	b, err := json.Marshal(s)
	require.NoError(t, err)
	all.Write(b)
	slog.New(slog.NewJSONHandler(&all, nil)).Info("x", "settings", s, "token", s.APIToken)
	slog.New(slog.NewTextHandler(&all, nil)).Info("x", "settings", s, "token", s.APIToken)
	require.NoError(t, settings.Print(&all, s.Describe()))
	for _, w := range s.Warnings() {
		all.WriteString(w)
	}
	require.NotContains(t, all.String(), "canary")
	require.NotContains(t, all.String(), fmt.Sprintf("%x", "canary"))
	require.Contains(t, all.String(), `"APIToken":"***"`)
}

func TestFlags(t *testing.T) {
	t.Parallel()
	flags := settings.Flags()
	for _, v := range settings.Variables() {
		f := flags.Lookup(strings.ReplaceAll(strings.ToLower(v.Name), "_", "-"))
		if v.Secret {
			require.Nil(t, f, v.Name)
			continue
		}
		require.NotNil(t, f, v.Name)
		require.Contains(t, f.Usage, strings.ReplaceAll(v.Doc, "`", "'"))
	}
	few := settings.Flags("BATCH_SIZE", "API_TOKEN")
	require.NotNil(t, few.Lookup("batch-size"))
	require.Nil(t, few.Lookup("prefetch"))
	require.Nil(t, few.Lookup("api-token"))
}

func TestFlagError(t *testing.T) {
	t.Parallel()
	for arg, want := range map[string]string{
		"--batchsize=canary":  "--batch-size",
		"--BATCH_SIZE=canary": "--batch-size",
		"--api-token=canary":  "API_TOKEN_FILE",
		"--api-token-file=x":  "API_TOKEN_FILE",
		"--colour=canary":     "--help",
		"-pcanary":            "-p",
		"--batch-size":        "--batch-size",
	} {
		flags := settings.Flags()
		err := settings.FlagError(flags, flags.Parse([]string{arg}))
		require.ErrorAs(t, err, new(settings.Mistakes), arg)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "canary", arg)
	}
	require.ErrorIs(t, settings.FlagError(settings.Flags(), pflag.ErrHelp), pflag.ErrHelp)
	other := errors.New("x")
	require.Equal(t, other, settings.FlagError(settings.Flags(), other))
}

func TestTable(t *testing.T) {
	t.Parallel()
	name := regexp.MustCompile(`^[A-Z][A-Z0-9_]+$`)
	seen := map[string]bool{}
	for _, v := range settings.Variables() {
		require.Regexp(t, name, v.Name)
		require.False(t, seen[v.Name])
		seen[v.Name] = true
		require.True(t, strings.HasSuffix(v.Doc, "."), v.Name)
		require.NotContains(t, v.Doc, "\n")
		require.NotEmpty(t, v.Allowed)
		require.Contains(t, settings.Markdown(), "| `"+v.Name+"`")
	}
	require.Len(t, strings.Split(strings.TrimSpace(settings.Markdown()), "\n"), len(seen)+2)
}

func TestPrint(t *testing.T) {
	t.Parallel()
	s, m := load(t, map[string]string{"REDIS_URL": "redis://h", "MASTER_ID": "m 1"})
	require.Empty(t, m)
	var b bytes.Buffer
	require.NoError(t, settings.Print(&b, s.Describe()))
	require.Regexp(t, `(?m)^REDIS_URL +\*\*\* +environment `, b.String())
	require.Regexp(t, `(?m)^MASTER_ID +"m 1" +environment `, b.String())
	require.Regexp(t, `(?m)^SMB_HOST +- +default `, b.String())
	require.ErrorIs(t, settings.Print(broken{}, s.Describe()), io.ErrClosedPipe)
}

type broken struct{}

func (broken) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

// The sample that people copy shows every variable and sets none.
func TestDotenvExample(t *testing.T) {
	t.Parallel()
	generated(t, "../../.env.example", func(string) string { return settings.Dotenv() })
	got, err := settings.ReadDotenv("../../.env.example")
	require.NoError(t, err)
	require.Empty(t, got)
}

// The table of the settings page is the one that the program reads by.
func TestSettingsPage(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- settings -->\n", "<!-- end of settings -->\n"
	generated(t, "../../docs/settings.md", func(old string) string {
		head, rest, ok := strings.Cut(old, begin)
		require.True(t, ok)
		_, tail, ok := strings.Cut(rest, end)
		require.True(t, ok)
		return head + begin + settings.Markdown() + end + tail
	})
}

// generated requires that a file has the text that is made from its present one, and
// writes it with UPDATE=1.
func generated(t *testing.T, path string, text func(old string) string) {
	t.Helper()
	old, err := os.ReadFile(path)
	require.NoError(t, err)
	want := text(string(old))
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(old), "write it with UPDATE=1 go test ./infra/settings")
}

// The values in .env.example are the defaults.
func TestDotenvExampleUncommented(t *testing.T) {
	t.Parallel()
	pairs := map[string]string{}
	for line := range strings.SplitSeq(settings.Dotenv(), "\n") {
		if name, text, ok := strings.Cut(strings.TrimPrefix(line, "#"), "="); ok && !strings.HasPrefix(line, "# ") {
			pairs[name] = text
		}
	}
	require.Contains(t, pairs, "BATCH_SIZE")
	s, m := load(t, pairs)
	require.Empty(t, m)
	plain, _ := load(t, nil)
	require.Equal(t, plain.BatchSize, s.BatchSize)
	require.Equal(t, plain.WorkerTimeout, s.WorkerTimeout)
	require.Equal(t, plain.MasterID, s.MasterID)
}

func TestSecretNames(t *testing.T) {
	t.Parallel()
	names := settings.SecretNames()
	for _, secret := range []string{"REDIS_URL", "API_TOKEN", "SMB_PASSWORD", "KAFKA_SASL_PASSWORD"} {
		require.Contains(t, names, secret)
		require.Contains(t, names, secret+"_FILE")
	}
	require.NotContains(t, names, "KAFKA_SASL_USERNAME")
}
