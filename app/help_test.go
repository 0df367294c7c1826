package app

import (
	"bytes"
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/settings"
)

func TestHelpShowsTheSettingsOfTheCommand(t *testing.T) {
	t.Parallel()
	help := func(args ...string) string {
		var out, err bytes.Buffer
		code := Run(context.Background(), append(args, "--help"), func(string) (string, bool) { return "", false }, &out, &err)
		require.Equal(t, ExitOK, code, err.String())
		return out.String()
	}
	require.Contains(t, help("worker"), "--kafka-broker-address")
	require.NotContains(t, help("worker"), "--smb-host")
	require.Contains(t, help("healthcheck"), "--api-server-port")
	require.NotContains(t, help("generate"), "--kafka-")
	require.NotContains(t, help("version"), "--log-level")
	for _, all := range []string{help(), help("doctor"), help("config")} {
		require.Contains(t, all, "--smb-host")
		require.Contains(t, all, "--kafka-broker-address")
	}
	known := map[string]bool{}
	for _, v := range settings.Variables() {
		known[v.Name] = true
		if v.Flag != "" {
			require.Equal(t, v.Flag, flag(v.Name))
		}
	}
	for _, names := range usedSettings {
		for _, name := range names {
			require.True(t, known[name], name)
		}
	}
}
