package kafkabus_test

import (
	"crypto/tls"
	"os"
	"path/filepath"
	"testing"

	"github.com/segmentio/kafka-go/sasl"
	"github.com/stretchr/testify/require"
	"github.com/twmb/franz-go/pkg/kfake"

	"kafka-master/infra/infratest"
	"kafka-master/infra/kafkabus"
	"kafka-master/messages"
)

func secured(t *testing.T, opts ...kfake.Opt) []string {
	t.Helper()
	c, err := kfake.NewCluster(append(opts, kfake.NumBrokers(1))...)
	require.NoError(t, err)
	t.Cleanup(c.Close)
	return c.ListenAddrs()
}

func ping(t *testing.T, addrs []string, c *tls.Config, m sasl.Mechanism) error {
	t.Helper()
	b, err := kafkabus.New(kafkabus.Config{Brokers: addrs, TLS: c, SASL: m})
	require.NoError(t, err)
	defer b.Close()
	return b.Ping(t.Context())
}

func TestPingWithTLS(t *testing.T) {
	certFile, keyFile := infratest.Certificate(t)
	pair, err := tls.LoadX509KeyPair(certFile, keyFile)
	require.NoError(t, err)
	addrs := secured(t, kfake.TLS(&tls.Config{Certificates: []tls.Certificate{pair}}))
	plain := startBroker(t, 1).Addrs()

	good, err := kafkabus.TLSConfig(certFile, certFile, keyFile)
	require.NoError(t, err)
	require.NoError(t, ping(t, addrs, good, nil))
	require.NoError(t, ping(t, plain, nil, nil))

	system, err := kafkabus.TLSConfig("", "", "")
	require.NoError(t, err)
	err = ping(t, addrs, system, nil)
	require.ErrorContains(t, err, "KAFKA_TLS_CA_FILE")
	require.ErrorIs(t, err, messages.ErrRefused)
	require.ErrorContains(t, ping(t, addrs, nil, nil), "KAFKA_TLS")
	require.ErrorContains(t, ping(t, plain, good, nil), "unset KAFKA_TLS")
}

func TestPingWithSASL(t *testing.T) {
	plain := startBroker(t, 1).Addrs()
	for _, mechanism := range []string{"PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"} {
		addrs := secured(t, kfake.EnableSASL(), kfake.Superuser(mechanism, "user", "secret"))
		good, err := kafkabus.SASL(mechanism, "user", "secret")
		require.NoError(t, err)
		require.NoError(t, ping(t, addrs, nil, good), mechanism)

		bad, err := kafkabus.SASL(mechanism, "user", "wrong-word")
		require.NoError(t, err)
		err = ping(t, addrs, nil, bad)
		require.Error(t, err, mechanism)
		require.NotContains(t, err.Error(), "wrong-word")
		// kfake only closes the connection, where a real broker says why.
		require.ErrorContains(t, err, "check KAFKA_TLS and KAFKA_SASL_MECHANISM")
		require.ErrorContains(t, ping(t, plain, nil, good), "KAFKA_SASL_MECHANISM")
		require.ErrorContains(t, ping(t, addrs, nil, nil), "set KAFKA_SASL_MECHANISM")
	}
}

func TestSecurityMistakes(t *testing.T) {
	certFile, keyFile := infratest.Certificate(t)
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, nil, 0o600))
	for _, files := range [][3]string{
		{"missing.pem", "", ""}, {empty, "", ""}, {"", certFile, ""}, {"", "", keyFile}, {"", keyFile, certFile},
	} {
		_, err := kafkabus.TLSConfig(files[0], files[1], files[2])
		require.Error(t, err, "%v", files)
	}
	none, err := kafkabus.SASL("", "", "")
	require.NoError(t, err)
	require.Nil(t, none)
	lower, err := kafkabus.SASL("scram-sha-512", "u", "p")
	require.NoError(t, err)
	require.Equal(t, "SCRAM-SHA-512", lower.Name())
	for _, bad := range [][3]string{{"GSSAPI", "u", "p"}, {"PLAIN", "", "p"}, {"SCRAM-SHA-256", "u", "se\x00cret"}} {
		_, err := kafkabus.SASL(bad[0], bad[1], bad[2])
		require.Error(t, err)
		require.NotContains(t, err.Error(), "cret")
	}
}
