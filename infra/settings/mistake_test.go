package settings_test

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/settings"
)

// wrong returns wrong values of each variable.
func wrong() map[string][]string {
	number := []string{"-1", "1.5", "1e3", "0x10", "+5", "12abc", "99999999999999999999", "１", "5 5", "NaN"}
	port := append([]string{"0", "65536"}, number...)
	topic := []string{".", "..", "a b", "ä", "a/b", "a\nb", strings.Repeat("x", 250)}
	label := []string{"a\nb", "a\x00b", "a\x1b[31m", "\xff", strings.Repeat("x", 300)}
	return map[string][]string{
		"KAFKA_BROKER_PORT":            port,
		"KAFKA_BROKER_ADDRESS":         {",", "kafka://a:1", "::1", "a:b", "a:0", "a:65536", "a:", ":9092", "a b", "[::1", "[a]:1", "1.2.3.4.5", "ä"},
		"KAFKA_GROUP_ID":               label,
		"KAFKA_WORKER_GROUP":           label,
		"KAFKA_TOPIC_NAME_MASTER":      append(topic, "worker-signal"),
		"KAFKA_TOPIC_NAME_WORKER":      topic,
		"KAFKA_TOPIC_NAME_WORKER_FREE": topic,
		"KAFKA_MASTER_HEARTBEAT_TOPIC": topic,
		"KAFKA_PARTITIONS":             append([]string{"0", "10001"}, number...),
		"KAFKA_REPLICATION":            {"0", "-2", "32768", "x", "2"},
		"KAFKA_TLS":                    {"ja", "2", "true"},
		"REDIS_PREFIX":                 {"{a}", "a b", "a:b", strings.Repeat("x", 65)},
		"REDIS_TLS_CA_FILE":            {"/nowhere/ca.pem", "."},
		"KAFKA_TLS_CA_FILE":            {"/nowhere/ca.pem", "."},
		"KAFKA_TLS_CERT_FILE":          {"/nowhere/cert.pem"},
		"KAFKA_TLS_KEY_FILE":           {"/nowhere/key.pem"},
		"KAFKA_SASL_MECHANISM":         {"GSSAPI", "PLAIN"},
		"KAFKA_SASL_USERNAME":          {"somebody"},
		"KAFKA_SASL_PASSWORD":          {"canary"},
		"MASTER_ID":                    label,
		"BATCH_SIZE":                   append([]string{"0", "1000001"}, number...),
		"WORKER_TIMEOUT":               {"0", "999ms", "25h", "86401", "-5", "5x", "1 m", "99999999999999999999"},
		"MAX_ATTEMPTS":                 append([]string{"0", "101"}, number...),
		"PREFETCH":                     append([]string{"65"}, number...),
		"EMBEDDED_WORKERS":             append([]string{"65"}, number...),
		"WORKER_ID":                    label,
		"WORKER_PARTITION":             append([]string{"100000"}, number...),
		"SMB_HOST":                     {"//nas/share", `\\nas`, "nas:445", "a b"},
		"SMB_PORT":                     port,
		"SMB_USER":                     label,
		"CLIENT_DATA_PATH":             {"a\nb", "a\x00b"},
		"INPUT_DIR":                    {"..", "/abs", "a/../../b", `..\b`, "a\nb"},
		"SETTLE":                       {"-1s", "61m", "3601", "x"},
		"ARCHIVE":                      {"maybe"},
		"MERGE":                        {"maybe"},
		"REDIS_URL":                    {"canary", "http://canary", "redis://", "redis://canary:%zz@h", "unix://"},
		"DATA_DIR":                     {"a\nb"},
		"RESULTS_DIR":                  {"a\x00b"},
		"API_LISTEN":                   {"127.0.0.1:3001", "a b", "http://a", "300.0.0.1"},
		"API_ALLOWED_HOSTS":            {",", "a:1", "a b", "http://a"},
		"API_ADVERTISE":                {"http://a", "a b", "a:0"},
		"API_SERVER_PORT":              port,
		"API_TOKEN":                    {"can ary", "canaryä", "canary\n", strings.Repeat("canary", 200)},
		"API_READ_TOKEN":               {"can ary", "canary-without-API_TOKEN", strings.Repeat("canary", 200)},
		"READ_ONLY":                    {"maybe"},
		"LOG_LEVEL":                    {"loud"},
		"LOG_FORMAT":                   {"xml"},
		"MAX_DEAD":                     {"-1", "0%", "101%", "1.5", "many", "1 %"},
		"BISECT":                       {"maybe"},
		"BACKUP":                       {"yes", "1", "native"},
		"STATE_SYNC":                   {"0", "2s", "never"},
	}
}

func TestWrongValues(t *testing.T) {
	t.Parallel()
	for name, texts := range wrong() {
		for _, text := range texts {
			s, m := load(t, map[string]string{name: text})
			require.NotEmpty(t, m, "%s=%q", name, text)
			require.Zero(t, s.BatchSize, "nothing is returned beside a mistake")
			for _, x := range m {
				line := x.Error()
				require.NotContains(t, line, "\n")
				require.NotContains(t, line, "canary", name)
				require.Less(t, len(line), 600)
				require.True(t, strings.HasPrefix(line, x.Name), line)
			}
		}
	}
}

func TestEveryVariableHasWrongValues(t *testing.T) {
	t.Parallel()
	table := wrong()
	for _, v := range settings.Variables() {
		if v.Allowed != "any text" {
			require.Contains(t, table, v.Name)
		}
	}
}

func TestEmptyIsNotSet(t *testing.T) {
	t.Parallel()
	pairs := map[string]string{}
	for _, v := range settings.Variables() {
		pairs[v.Name], pairs[v.Name+"_FILE"] = "", ""
		if !v.Secret {
			pairs[v.Name] = " \r\n"
		}
	}
	delete(pairs, "KAFKA_TLS_CA_FILE")
	s, m := load(t, pairs)
	require.Empty(t, m)
	for _, v := range settings.Variables() {
		require.False(t, s.IsSet(v.Name), v.Name)
	}
}

func TestAllMistakesAtOnce(t *testing.T) {
	t.Parallel()
	flags := settings.Flags()
	require.NoError(t, flags.Parse([]string{"--batch-size", "0"}))
	_, err := settings.Load(flags, env(map[string]string{"SETTLE": "2h", "API_TOKEN": "a b"}), map[string]string{"PREFETCH": "65"})
	var m settings.Mistakes
	require.ErrorAs(t, err, &m)
	allowed := map[string]string{}
	for _, v := range settings.Variables() {
		allowed[v.Name] = v.Allowed
	}
	lines := strings.Split(err.Error(), "\n")
	require.Len(t, lines, 5, "a headline and the mistakes")
	for i, want := range []settings.Mistake{
		{Name: "BATCH_SIZE", Value: "0", Source: settings.SourceFlag}, {Name: "PREFETCH", Value: "65", Source: settings.SourceDotenv},
		{Name: "SETTLE", Value: "2h", Source: settings.SourceEnv}, {Name: "API_TOKEN", Source: settings.SourceEnv},
	} {
		want.Problem, want.Allowed = m[i].Problem, allowed[want.Name]
		require.Equal(t, want, m[i])
		require.NotEmpty(t, m[i].Problem)
		require.Equal(t, "  "+m[i].Error(), lines[i+1])
		for _, part := range []string{want.Name, want.Value, want.Source, want.Problem, want.Allowed} {
			require.Contains(t, lines[i+1], part)
		}
	}
}

func TestCombinations(t *testing.T) {
	t.Parallel()
	pem := filepath.Join(t.TempDir(), "x.pem")
	require.NoError(t, os.WriteFile(pem, nil, 0o600))
	for _, c := range []struct {
		pairs map[string]string
		want  []string // names of the wrong variables
	}{
		{map[string]string{"KAFKA_BROKER_ADDRESS": "k", "EMBEDDED_WORKERS": "2"}, []string{"EMBEDDED_WORKERS"}},
		{map[string]string{"KAFKA_BROKER_ADDRESS": "k", "EMBEDDED_WORKERS": "0"}, nil},
		{map[string]string{"KAFKA_BROKER_ADDRESS": "k", "KAFKA_TLS": "1", "KAFKA_TLS_CERT_FILE": pem}, []string{"KAFKA_TLS_KEY_FILE"}},
		{map[string]string{"KAFKA_BROKER_ADDRESS": "k", "KAFKA_TLS": "1", "KAFKA_TLS_KEY_FILE": pem}, []string{"KAFKA_TLS_CERT_FILE"}},
		{map[string]string{"KAFKA_BROKER_ADDRESS": "k", "KAFKA_TLS": "1", "KAFKA_TLS_KEY_FILE": pem, "KAFKA_TLS_CERT_FILE": pem, "KAFKA_TLS_CA_FILE": pem}, nil},
		{map[string]string{"KAFKA_BROKER_ADDRESS": "k", "KAFKA_TLS_CA_FILE": pem}, []string{"KAFKA_TLS_CA_FILE"}},
		{map[string]string{"KAFKA_BROKER_ADDRESS": "k", "KAFKA_SASL_MECHANISM": "scram-sha-256"}, []string{"KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"}},
		{map[string]string{"KAFKA_BROKER_ADDRESS": "k", "KAFKA_SASL_USERNAME": "u", "KAFKA_SASL_PASSWORD": "p"}, []string{"KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"}},
		{map[string]string{"KAFKA_REPLICATION": "3"}, []string{"KAFKA_REPLICATION"}},
		{map[string]string{"KAFKA_GROUP_ID": "ip-scanner-group"}, []string{"KAFKA_GROUP_ID"}},
		{map[string]string{"KAFKA_TOPIC_NAME_MASTER": "worker-signal"}, []string{"KAFKA_TOPIC_NAME_WORKER"}},
		{map[string]string{"SMB_HOST": "nas", "SMB_PASSWORD": "x"}, []string{"SMB_USER"}},
		{map[string]string{"SMB_HOST": "nas", "SMB_USER": "u", "CLIENT_DATA_PATH": "share/../x"}, []string{"CLIENT_DATA_PATH"}},
		{map[string]string{"SMB_HOST": "nas", "SMB_USER": "u", "CLIENT_DATA_PATH": "/"}, []string{"CLIENT_DATA_PATH"}},
	} {
		_, m := load(t, c.pairs)
		var got []string
		for _, x := range m {
			got = append(got, x.Name)
		}
		require.Equal(t, c.want, got, "%v", c.pairs)
	}
}

func TestReadDotenv(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	none, err := settings.ReadDotenv(filepath.Join(dir, "none"))
	require.NoError(t, err)
	require.Empty(t, none)

	path := filepath.Join(dir, ".env")
	require.NoError(t, os.WriteFile(path, []byte("WORKER_TIMEOUT= # in seconds\r\nBATCH_SIZE=7 # items\nSMB_PASSWORD='a$b#c'\n"), 0o600))
	got, err := settings.ReadDotenv(path)
	require.NoError(t, err)
	require.Equal(t, map[string]string{"WORKER_TIMEOUT": "# in seconds", "BATCH_SIZE": "7", "SMB_PASSWORD": "a$b#c"}, got)

	require.NoError(t, os.WriteFile(path, []byte("A=1\nthis is no line\nSMB_PASSWORD=canary\n"), 0o600))
	_, err = settings.ReadDotenv(path)
	require.ErrorAs(t, err, new(settings.Mistakes))
	require.ErrorContains(t, err, "in line 2")
	require.NotContains(t, err.Error(), "canary")

	require.NoError(t, os.WriteFile(path, []byte("A=1\ncanary"), 0o600))
	_, err = settings.ReadDotenv(path)
	require.ErrorContains(t, err, "in line 2")
	require.NotContains(t, err.Error(), "canary")

	_, err = settings.ReadDotenv(dir)
	require.ErrorAs(t, err, new(settings.Mistakes))
}

// What people and editors write to .env has the expected value, or is an error.
func TestDotenvOfPeople(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), ".env")
	for text, want := range map[string]map[string]string{
		"\xef\xbb\xbfBATCH_SIZE=7\r\n":                   {"BATCH_SIZE": "7"},
		"\xef\xbb\xbf# text\nBATCH_SIZE=7":               {"BATCH_SIZE": "7"},
		"API_TOKEN=Xy$9kLm$HOMEz$\nA=1":                  {"API_TOKEN": "Xy$9kLm$HOMEz$", "A": "1"},
		`API_TOKEN="a$9 b\$c$(d)$$e"`:                    {"API_TOKEN": "a$9 b$c$(d)$$e"},
		"API_TOKEN='a$9${B}\\$c'\nB=2":                   {"API_TOKEN": "a$9${B}\\$c", "B": "2"},
		"A=x$1\nexport B = ${A}/${A} # $C ${D}\n#E=${F}": {"A": "x$1", "B": "x$1/x$1"},
		"REDIS_URL=redis://:pa$$w0rd@127.0.0.1/0":        {"REDIS_URL": "redis://:pa$$w0rd@127.0.0.1/0"},
		"A=\"two\nlines $x\"\nB=$y":                      {"A": "two\nlines $x", "B": "$y"},
		"A=y\t# ${Z}\n":                                  {"A": "y"},
		"A=y\v# ${Z}\nB=y\f#\nC=y\u0085#\nD=y\u00a0#x":   {"A": "y", "B": "y", "C": "y", "D": "y"},
		"A=1 # one # ${Z} $Z\nB=\t\u00a02":               {"A": "1", "B": "2"},
		"A=1 \r# ${Z}\rB=${A}\r":                         {"A": "1", "B": "1"},
		"export\tA=1\nB=${A}#2\n":                        {"A": "1", "B": "1#2"},
		"A=\t# ${Z}\nB=1":                                {"A": "# ", "B": "1"},
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		got, err := settings.ReadDotenv(path)
		require.NoError(t, err, text)
		require.Equal(t, want, got, text)
	}
	for text, want := range map[string]string{
		"\xff\xfeB\x00A\x00":  "UTF-16",
		"\xfe\xff\x00B\x00A":  "UTF-16",
		"B\x00A\x00=\x00":     "UTF-16",
		"A=canary${HOME}\n":   "${HOME}",
		"A=\"${later}\"\nB=1": "${later}",
		"A=${B}\nB=1":         "${B}",
	} {
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := settings.ReadDotenv(path)
		require.ErrorAs(t, err, new(settings.Mistakes), text)
		require.ErrorContains(t, err, want)
		require.NotContains(t, err.Error(), "canary")
	}
}

func TestMistypedNames(t *testing.T) {
	t.Parallel()
	s, err := settings.Load(nil, env(nil), map[string]string{"KAFKA_BROKER_ADRESS": "x", "REDIS_PASSWORD": "x", "BATCHSIZE": "7", "SMB_PASSWORD_FIEL": "x"})
	require.NoError(t, err)
	requireTypos(t, s, ".env", [][2]string{
		{"BATCHSIZE", "BATCH_SIZE"}, {"KAFKA_BROKER_ADRESS", "KAFKA_BROKER_ADDRESS"}, {"SMB_PASSWORD_FIEL", "SMB_PASSWORD_FILE"},
	})
	s, err = settings.Load(nil, env(nil), nil)
	require.NoError(t, err)
	s.WarnOfEnvironment([]string{"PATH=/bin", "KAFKA_BROKER_ADRESS=x", "SETTINGS=1", "API_TOKENS=secret", "BATCH_SIZE=7", "LOGLEVEL=x", "KAFKA_HEAP_OPTS=x"})
	requireTypos(t, s, "environment", [][2]string{
		{"API_TOKENS", "API_TOKEN"}, {"KAFKA_BROKER_ADRESS", "KAFKA_BROKER_ADDRESS"}, {"LOGLEVEL", "LOG_LEVEL"},
	})
}

// requireTypos checks that the warnings are those about mistyped names, each with its place
// and the name that was probably meant.
func requireTypos(t *testing.T, s settings.Settings, place string, names [][2]string) {
	t.Helper()
	require.Len(t, s.Typos(), len(names))
	require.Equal(t, s.Typos(), s.Warnings())
	for i, pair := range names {
		require.Regexp(t, "^"+pair[0]+` .*`+regexp.QuoteMeta(place)+`.*\b`+pair[1]+`\b`, s.Typos()[i])
	}
}

// Any content of a file is parsed or refused.
func FuzzLiteralDollars(f *testing.F) {
	for _, text := range []string{"A=$x", "A='$x'", "A=\"$x\\\"", "export A : ${B", "A=\\$", "'\n=\"$"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		path := filepath.Join(t.TempDir(), ".env")
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		_, err := settings.ReadDotenv(path)
		if err != nil {
			require.ErrorAs(t, err, new(settings.Mistakes))
		}
	})
}

func FuzzLoad(f *testing.F) {
	for name, texts := range wrong() {
		f.Add(name, texts[0])
	}
	f.Fuzz(func(t *testing.T, name, text string) {
		s, err := settings.Load(nil, env(map[string]string{name: text}), nil)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		require.True(t, s.BatchSize >= 1 && s.BatchSize <= 1_000_000)
		require.True(t, s.APIServerPort >= 1 && s.APIServerPort <= 65_535)
		require.True(t, s.KafkaPartitions >= 1 && s.KafkaPartitions <= 10_000)
		require.NotEmpty(t, s.ChunkTopic)
	})
}
