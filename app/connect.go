package app

import (
	"context"
	"crypto/tls"
	"fmt"
	"log/slog"
	"net"
	"path"
	"path/filepath"
	"strconv"
	"time"

	"kafka-master/infra/kafkabus"
	"kafka-master/infra/redisstore"
	"kafka-master/infra/settings"
	"kafka-master/infra/smbfiles"
	"kafka-master/worker"
)

// Every command configures its clients of other systems here, so that the doctor
// checks exactly what the master and the workers use.

// kafkaTLS returns nil unless the settings require TLS.
func kafkaTLS(s settings.Settings) (*tls.Config, error) {
	if !s.KafkaTLS {
		return nil, nil
	}
	return kafkabus.TLSConfig(s.KafkaTLSCAFile, s.KafkaTLSCertFile, s.KafkaTLSKeyFile)
}

// dialer opens connections; nil is the network.
type dialer = func(ctx context.Context, network, address string) (net.Conn, error)

// newBus returns the Kafka client of a master. It does not connect.
func newBus(s settings.Settings, brokers []string, dial dialer, log *slog.Logger) (*kafkabus.Bus, error) {
	cfg := kafkabus.Config{Brokers: brokers, Dial: dial, Logger: log}
	var err error
	if cfg.TLS, err = kafkaTLS(s); err != nil {
		return nil, err
	}
	if cfg.SASL, err = kafkabus.SASL(s.KafkaSASLMechanism, s.KafkaSASLUsername, s.KafkaSASLPassword.Reveal()); err != nil {
		return nil, err
	}
	bus, err := kafkabus.New(cfg)
	if err != nil {
		return nil, fmt.Errorf("set up the Kafka client: %w", err)
	}
	return bus, nil
}

// newWorkerConfig returns the settings that all workers share, those embedded in a master and
// those of the command worker.
func newWorkerConfig(s settings.Settings, brokers []string, log *slog.Logger) (worker.Config, error) {
	t, err := kafkaTLS(s)
	return worker.Config{
		Brokers: brokers, Version: build().version, Logger: log, TLS: t,
		SASL:       worker.SASL{Mechanism: s.KafkaSASLMechanism, Username: s.KafkaSASLUsername, Password: s.KafkaSASLPassword.Reveal()},
		ChunkTopic: s.ChunkTopic, SignalTopic: s.SignalTopic, ConnectionTopic: s.ConnectionTopic,
	}, err
}

// openRedis returns the state store in Redis. It does not connect.
func openRedis(s settings.Settings, log *slog.Logger) (*redisstore.Store, error) {
	return redisstore.Open(redisstore.Config{URL: s.RedisURL.Reveal(), CAFile: s.RedisTLSCAFile, Prefix: s.RedisPrefix, Logger: log})
}

// newShare returns the input folder on an SMB share. It does not connect. A timeout of 0 means
// the default.
func newShare(s settings.Settings, timeout time.Duration, log *slog.Logger) (*smbfiles.Files, error) {
	share, folder := s.Share()
	return smbfiles.New(smbfiles.Config{
		Host: s.SMBHost, Port: s.SMBPort, User: s.SMBUser, Password: s.SMBPassword.Reveal(), IOTimeout: timeout,
		Share: share, Folder: path.Join(folder, filepath.ToSlash(s.InputDir)), Logger: log,
	})
}

// embeddedAddress returns the address of the embedded broker, unless its port is in use.
func embeddedAddress(s settings.Settings) string {
	return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.KafkaBrokerPort))
}

// probeAddress returns the address at which the API is reached from its own machine.
func probeAddress(s settings.Settings) string {
	host := s.APIListen
	if ip := net.ParseIP(host); ip != nil && ip.IsUnspecified() {
		host = "127.0.0.1"
		if ip.To4() == nil {
			host = "::1"
		}
	}
	return net.JoinHostPort(host, strconv.Itoa(s.APIServerPort))
}
