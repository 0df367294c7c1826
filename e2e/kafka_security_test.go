package e2e

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/app"
	"kafka-master/infra/infratest"
	"kafka-master/infra/kafkabus"
)

// secured is a real broker with logins, TLS and rights.
type secured struct {
	*infratest.KafkaServer
	login, both string // addresses with a login, without and with TLS
	ca          string // path of the certificate
}

func startSecured(t *testing.T) *secured {
	t.Helper()
	s := &secured{}
	cert, key := infratest.Certificate(t)
	s.ca = cert
	store := filepath.Join(t.TempDir(), "broker.pem")
	var both []byte
	for _, path := range []string{key, cert} {
		pem, err := os.ReadFile(path)
		require.NoError(t, err)
		both = append(both, pem...)
	}
	require.NoError(t, os.WriteFile(store, both, 0o600))
	login, tls := infratest.FreePort(t), infratest.FreePort(t)
	s.login, s.both = "127.0.0.1:"+login, "127.0.0.1:"+tls
	properties := []string{
		"listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,SASLSSL:SASL_SSL",
		"sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512",
		"ssl.keystore.type=PEM", "ssl.keystore.location=" + store,
		"authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer",
		"super.users=User:ANONYMOUS", // the ports without a login, for the test itself
	}
	for _, listener := range []string{"sasl", "saslssl"} {
		prefix := "listener.name." + listener + "."
		scram := ".sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;"
		properties = append(properties,
			prefix+`plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required user_master="mpw" user_worker="wpw" user_nobody="npw";`,
			prefix+"scram-sha-256"+scram, prefix+"scram-sha-512"+scram)
	}
	s.KafkaServer = infratest.StartKafka(t, infratest.KafkaConfig{
		Listeners: map[string]string{"SASL": login, "SASLSSL": tls}, Properties: properties,
		Scram: []string{"SCRAM-SHA-256=[name=master,password=mpw]", "SCRAM-SHA-512=[name=master,password=mpw]", "SCRAM-SHA-512=[name=worker,password=wpw]"},
	})
	return s
}

// documentedRights grants the rights in docs/install.md.
func (s *secured) documentedRights(t *testing.T) {
	t.Helper()
	doc, err := os.ReadFile("../docs/install.md")
	require.NoError(t, err)
	n := 0
	for line := range strings.Lines(string(doc)) {
		if strings.HasPrefix(line, "--add --allow-principal ") {
			n++
			s.Tool(append([]string{"org.apache.kafka.tools.AclCommand", "--bootstrap-server", s.Address()}, strings.Fields(line)...)...)
		}
	}
	require.GreaterOrEqual(t, n, 5)
}

func (s *site) secure(address, mechanism, user, password string) {
	s.vars["KAFKA_BROKER_ADDRESS"], s.vars["KAFKA_SASL_MECHANISM"] = address, mechanism
	s.vars["KAFKA_SASL_USERNAME"], s.vars["KAFKA_SASL_PASSWORD"] = user, password
}

// The documented rights suffice for a master and a worker, each with a login over TLS.
func TestDocumentedKafkaRightsSuffice(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a broker of its own")
	}
	k := startSecured(t)
	k.documentedRights(t)
	s := newSite(t)
	delete(s.vars, "KAFKA_BROKER_PORT")
	s.vars["KAFKA_TLS"], s.vars["KAFKA_TLS_CA_FILE"] = "true", k.ca
	s.secure(k.both, "SCRAM-SHA-512", "master", "mpw")
	m := s.spawn(roleMaster)
	m.out.awaitLine(t, isLeading)
	s.secure(k.both, "SCRAM-SHA-512", "worker", "wpw")
	w := s.command(roleMaster, []string{"worker", "--results", filepath.Join(s.dir, "data", "results")}, "WORKER_ID=w")
	items := numbered(3000)
	s.drop("a.txt", items)
	m.out.awaitLine(t, isFileEnded)
	require.Eventually(t, func() bool { // on a slow machine the answer may take longer than the 3 s of a call
		_, body := s.get("/api/updatePartitions?value=6")
		return strings.Contains(body, `{"topic":"master-signal","partitions":6}`)
	}, 30*time.Second, 50*time.Millisecond)
	require.Empty(t, m.out.lines(isWarning))
	bus, err := kafkabus.New(kafkabus.Config{Brokers: []string{k.Address()}})
	require.NoError(t, err)
	defer bus.Close()
	require.Eventually(t, func() bool { // it is committed every 5 s
		at, err := bus.Committed(t.Context(), "kafka-master", "worker-signal")
		return err == nil && at[0] > 0
	}, 30*time.Second, 50*time.Millisecond)
	require.Equal(t, app.ExitOK, m.terminate())
	require.Equal(t, app.ExitOK, w.terminate())
	s.sameItems(items, s.results("a.txt"))
	lag := k.Tool("org.apache.kafka.tools.consumer.group.ConsumerGroupCommand", "--bootstrap-server", k.Address(), "--describe", "--group", "kafka-master")
	require.Contains(t, lag, "worker-signal", "lag tools show the offsets of the master")
}

// A mistake in the login, TLS or the rights is reported with its cure in the log and in
// /readyz, and does not end the master.
func TestKafkaMistakesAreNamed(t *testing.T) {
	t.Parallel()
	if testing.Short() {
		t.Skip("starts a broker of its own")
	}
	k := startSecured(t)
	for name, c := range map[string]struct {
		address, mechanism, user, password, tls, ca string
		cure                                        string
	}{
		"wrong password":            {k.login, "PLAIN", "master", "wrong", "", "", "KAFKA_SASL_PASSWORD"},
		"unknown user":              {k.both, "SCRAM-SHA-256", "ghost", "pw", "true", k.ca, "KAFKA_SASL_PASSWORD"},
		"certificate not trusted":   {k.both, "PLAIN", "master", "mpw", "true", "", "KAFKA_TLS_CA_FILE"},
		"no login":                  {k.login, "", "", "", "", "", "KAFKA_SASL_MECHANISM"},
		"login where there is none": {k.Address(), "PLAIN", "master", "mpw", "", "", "KAFKA_SASL_MECHANISM"},
		"TLS where there is none":   {k.login, "PLAIN", "master", "mpw", "true", k.ca, "KAFKA_TLS"},
		"no TLS where there is":     {k.both, "PLAIN", "master", "mpw", "", "", "KAFKA_TLS"},
		"no rights":                 {k.login, "PLAIN", "nobody", "npw", "", "", "docs/install.md"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t)
			delete(s.vars, "KAFKA_BROKER_PORT")
			s.secure(c.address, c.mechanism, c.user, c.password)
			s.vars["KAFKA_TLS"], s.vars["KAFKA_TLS_CA_FILE"] = c.tls, c.ca
			m := s.spawn(roleMaster)
			m.out.await(t, c.cure)
			require.Eventually(t, func() bool {
				status, body := s.get("/readyz")
				return status == 503 && strings.Contains(body, c.cure)
			}, 30*time.Second, 50*time.Millisecond)
			require.Equal(t, app.ExitOK, m.terminate())
			if c.password != "" {
				require.False(t, slices.Contains(strings.Fields(m.out.text()), c.password))
			}
		})
	}
}
