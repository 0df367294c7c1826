package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"path"
	"path/filepath"
	"strconv"
	"time"

	"github.com/redis/go-redis/v9"
	"github.com/spf13/cobra"

	"kafka-master/doctor"
	"kafka-master/infra/kafkabus"
	"kafka-master/infra/localfiles"
	"kafka-master/infra/redisstore"
	"kafka-master/infra/settings"
	"kafka-master/infra/smbfiles"
	"kafka-master/messages"
	"kafka-master/worker"
)

// errUnwell means that a check failed.
var errUnwell = errors.New("not everything works")

// The implementations of the interfaces of package doctor.
var (
	_ doctor.Cluster = (*kafkabus.Bus)(nil)
	_ doctor.Files   = (*localfiles.Files)(nil)
	_ doctor.Files   = (*smbfiles.Files)(nil)
	_ doctor.Redis   = (*redisstore.Store)(nil)
)

func (c command) doctor() *cobra.Command {
	return &cobra.Command{
		Use: "doctor", Short: "Check Kafka, Redis, the folders and the port of the API, and print what to do", Args: noArgs,
		Long: `Checks everything that a master depends on with the current settings. Prints one or
more lines for each part: ok, warn or FAIL, the fact, and the remedy. The command
changes nothing. It needs no running master, but may run next to one. Exit code 0
means that no check failed.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.load(cmd)
			if err != nil {
				return err
			}
			return examine(cmd.Context(), s, c.stdout)
		},
	}
}

// examine runs all checks and prints their findings.
func examine(ctx context.Context, s settings.Settings, w io.Writer) error {
	redis.SetLogger(quiet{})
	checks, closers, err := checks(s)
	defer func() {
		for _, f := range closers {
			f()
		}
	}()
	if err != nil {
		return err
	}
	failed, err := doctor.Run(ctx, w, doctor.Limit, checks)
	if err != nil {
		return err
	}
	if failed > 0 {
		return fmt.Errorf("%w: %d of %d checks failed, see the lines above", errUnwell, failed, len(checks))
	}
	return nil
}

// checks returns the checks, in the order in which faults should be fixed.
func checks(s settings.Settings) (all []doctor.Check, closers []func(), err error) {
	if len(s.Warnings()) > 0 {
		all = append(all, doctor.Settings(s.Warnings()))
	}
	for _, add := range []func(settings.Settings) (doctor.Check, func(), error){kafkaCheck, stateCheck, inputCheck} {
		c, closer, err := add(s)
		if err != nil {
			return nil, closers, err
		}
		all = append(all, c)
		closers = append(closers, closer)
	}
	all = append(all, doctor.Folder("results", s.ResultsDir, "RESULTS_DIR", s.EmbeddedBroker(), func(folder string) error {
		return worker.Results{Dir: folder}.Check()
	}))
	return append(all, doctor.API(s.APIAddress(), probeAddress(s), s.APIToken.Reveal())), closers, nil
}

func kafkaCheck(s settings.Settings) (doctor.Check, func(), error) {
	if s.EmbeddedBroker() {
		port := net.JoinHostPort("127.0.0.1", strconv.Itoa(s.KafkaBrokerPort))
		return doctor.EmbeddedBroker(port, s.IsSet("KAFKA_BROKER_PORT")), func() {}, nil
	}
	cfg := kafkabus.Config{Brokers: s.KafkaBrokers}
	var err error
	if s.KafkaTLS {
		if cfg.TLS, err = kafkabus.TLSConfig(s.KafkaTLSCAFile, s.KafkaTLSCertFile, s.KafkaTLSKeyFile); err != nil {
			return doctor.Broken("kafka", err), func() {}, nil
		}
	}
	if cfg.SASL, err = kafkabus.SASL(s.KafkaSASLMechanism, s.KafkaSASLUsername, s.KafkaSASLPassword.Reveal()); err != nil {
		return doctor.Broken("kafka", err), func() {}, nil
	}
	bus, err := kafkabus.New(cfg)
	if err != nil {
		return doctor.Check{}, nil, fmt.Errorf("set up the Kafka client: %w", err)
	}
	topics := []messages.TopicSpec{{Name: s.ChunkTopic, Partitions: s.KafkaPartitions, Replication: s.KafkaReplication}}
	for _, name := range []string{s.SignalTopic, s.ConnectionTopic, s.MasterHeartbeatTopic} {
		topics = append(topics, messages.TopicSpec{Name: name, Partitions: 1, Replication: s.KafkaReplication})
	}
	return doctor.Kafka(bus, s.KafkaBrokers, topics), bus.Close, nil
}

func stateCheck(s settings.Settings) (doctor.Check, func(), error) {
	if !s.RedisURL.IsSet() {
		return doctor.Folder("state", s.DataDir, "DATA_DIR", true, doctor.Writable), func() {}, nil
	}
	store, err := redisstore.Open(redisstore.Config{URL: s.RedisURL.Reveal(), CAFile: s.RedisTLSCAFile, Prefix: s.RedisPrefix})
	if err != nil {
		return doctor.Broken("redis", err), func() {}, nil
	}
	return doctor.State(store), func() { store.Close() }, nil
}

func inputCheck(s settings.Settings) (doctor.Check, func(), error) {
	if s.SMBHost == "" {
		return doctor.Input(localfiles.New(s.InputPath()), s.InputPath()), func() {}, nil
	}
	share, folder := s.Share()
	files, err := smbfiles.New(smbfiles.Config{
		Host: s.SMBHost, Port: s.SMBPort, User: s.SMBUser, Password: s.SMBPassword.Reveal(), IOTimeout: 5 * time.Second,
		Share: share, Folder: path.Join(folder, filepath.ToSlash(s.InputDir)), Logger: slog.New(slog.DiscardHandler),
	})
	if err != nil {
		return doctor.Broken("input", err), func() {}, nil
	}
	return doctor.Input(files, s.InputPath()), func() { files.Close() }, nil
}
