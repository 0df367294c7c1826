package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
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
	checks, closers := checks(s)
	defer func() {
		for _, f := range closers {
			f()
		}
	}()
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
func checks(s settings.Settings) (all []doctor.Check, closers []func()) {
	if len(s.Warnings()) > 0 {
		all = append(all, doctor.Settings(s.Warnings()))
	}
	for _, add := range []func(settings.Settings) (doctor.Check, func()){kafkaCheck, stateCheck, inputCheck} {
		c, closer := add(s)
		all = append(all, c)
		closers = append(closers, closer)
	}
	all = append(all, doctor.Folder("results", s.ResultsDir, "RESULTS_DIR", s.EmbeddedBroker(), func(folder string) error {
		return worker.Results{Dir: folder}.Check()
	}))
	return append(all, doctor.API(s.APIAddress(), probeAddress(s), s.APIToken.Reveal())), closers
}

func kafkaCheck(s settings.Settings) (doctor.Check, func()) {
	if s.EmbeddedBroker() {
		return doctor.EmbeddedBroker(embeddedAddress(s), s.IsSet("KAFKA_BROKER_PORT")), func() {}
	}
	bus, err := newBus(s, s.KafkaBrokers, nil, nil)
	if err != nil {
		return doctor.Broken("kafka", err), func() {}
	}
	topics := []messages.TopicSpec{{Name: s.ChunkTopic, Partitions: s.KafkaPartitions, Replication: s.KafkaReplication}}
	for _, name := range []string{s.SignalTopic, s.ConnectionTopic, s.MasterHeartbeatTopic} {
		topics = append(topics, messages.TopicSpec{Name: name, Partitions: 1, Replication: s.KafkaReplication})
	}
	return doctor.Kafka(bus, s.KafkaBrokers, topics), bus.Close
}

func stateCheck(s settings.Settings) (doctor.Check, func()) {
	if !s.RedisURL.IsSet() {
		return doctor.Folder("state", s.DataDir, "DATA_DIR", true, doctor.Writable), func() {}
	}
	store, err := openRedis(s, nil)
	if err != nil {
		return doctor.Broken("redis", err), func() {}
	}
	return doctor.State(store), func() { store.Close() }
}

func inputCheck(s settings.Settings) (doctor.Check, func()) {
	if s.SMBHost == "" {
		return doctor.Input(localfiles.New(s.InputPath()), s.InputPath()), func() {}
	}
	files, err := newShare(s, 5*time.Second, slog.New(slog.DiscardHandler))
	if err != nil {
		return doctor.Broken("input", err), func() {}
	}
	return doctor.Input(files, s.InputPath()), func() { files.Close() }
}
