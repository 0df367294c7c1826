package settings_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
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
		if v.Name == "API_READ_TOKEN" { // must differ from API_TOKEN
			pairs[v.Name] = "canary-canary-canary"
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
		require.Contains(t, markdown(), "| `"+v.Name+"`")
	}
	require.Len(t, strings.Split(strings.TrimSpace(markdown()), "\n"), len(seen)+2)
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

func TestSecretNames(t *testing.T) {
	t.Parallel()
	names := settings.SecretNames()
	for _, secret := range []string{"REDIS_URL", "API_TOKEN", "SMB_PASSWORD", "KAFKA_SASL_PASSWORD"} {
		require.Contains(t, names, secret)
		require.Contains(t, names, secret+"_FILE")
	}
	require.NotContains(t, names, "KAFKA_SASL_USERNAME")
}
