package settings_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/settings"
)

// The sample that people copy shows every variable and sets none.
func TestDotenvExample(t *testing.T) {
	t.Parallel()
	generated(t, "../../.env.example", func(string) string { return dotenv() })
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
		return head + begin + markdown() + end + tail
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
	for line := range strings.SplitSeq(dotenv(), "\n") {
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

// markdown returns the table of all variables for the documentation.
func markdown() string {
	var b strings.Builder
	b.WriteString("| Variable | Default | Allowed | What it does |\n|---|---|---|---|\n")
	for _, v := range settings.Variables() {
		name, fallback := "`"+v.Name+"`", "`"+v.Default+"`"
		if v.Secret {
			name += ", `" + v.Name + "_FILE`"
		}
		if v.Default == "" {
			fallback = "–"
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", name, fallback, cell(v.Allowed), cell(v.Doc))
	}
	return b.String()
}

func cell(text string) string { return strings.ReplaceAll(text, "|", `\|`) }

// dotenv returns the text of a .env file that shows every variable and sets none.
func dotenv() string {
	var b strings.Builder
	b.WriteString(dotenvHead)
	for _, v := range settings.Variables() {
		fmt.Fprintf(&b, "\n# %s Allowed: %s.\n#%s=%s\n", v.Doc, v.Allowed, v.Name, dotenvDefault(v))
		if v.Secret {
			fmt.Fprintf(&b, "#%s_FILE=\n", v.Name)
		}
	}
	b.WriteString(dotenvTail)
	return b.String()
}

const dotenvHead = `# Settings of Kafka Master: copy this file to .env and remove the # where you want
# another value than the one shown. Flags and the environment have precedence.
# Put a value with # or spaces in single quotes. A $ stands for itself, but ${NAME}
# for the value of a line above.
`

// dotenvTail has the variables of docker-compose.yml, which reads the same file.
const dotenvTail = `
# ---- The rest is only for docker-compose, which sets the brokers, REDIS_URL,
# RESULTS_DIR, MERGE, MASTER_ID, WORKER_ID and the API's address by itself.

# User and group, as numbers, that masters and workers run as; it must be able to write ./results.
#RUN_AS=1000:1000

# Address of this machine on which the API's ports are open; 0.0.0.0 means all, then set API_TOKEN too.
#HOST_IP=127.0.0.1

# Host names, without ports, that calls of the API may use.
#HOST_NAMES=localhost,127.0.0.1,master-1,master-2

# Password of Redis, of letters and digits; only the masters reach it.
#REDIS_PASSWORD=kafka-master

# Ports of this machine for the API of the two masters.
#MASTER_1_PORT=3001
#MASTER_2_PORT=3002

# For workers on other machines: the address on which Kafka's port is open, and the name or address
# and the port at which they reach it. Kafka does not require a password: keep it inside your network.
#KAFKA_PUBLIC_IP=127.0.0.1
#KAFKA_PUBLIC_HOST=127.0.0.1
#KAFKA_PUBLIC_PORT=9092

# Port of this machine for the file server of the profile smb.
#SAMBA_PORT=1445
`

func dotenvDefault(v settings.Variable) string {
	if strings.ContainsAny(v.Default, " $#") {
		return ""
	}
	return v.Default
}
