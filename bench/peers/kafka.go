package main

import (
	"context"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

// kafkaJars names the folder of the jars of Apache Kafka, which make services-install installs.
const kafkaJars = "KAFKA_TEST_JARS"

// javaOptions are those of Apache's start script. The brokers of the tests run with others,
// which start sooner and are half as fast.
func javaOptions(jars string) []string {
	return []string{
		"-server", "-Xmx1G", "-Xms1G", "-XX:+UseG1GC", "-XX:MaxGCPauseMillis=20", "-XX:InitiatingHeapOccupancyPercent=35",
		"-XX:+ExplicitGCInvokesConcurrent", "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn", "-cp", filepath.Join(jars, "*"),
	}
}

// kafka is a real broker.
type kafka struct {
	brokers string
	pid     int // 0 when not known
}

// variables are how bench/pipeline gets to the broker.
func (k *kafka) variables() []string {
	all := []string{"BENCH_BROKERS=" + k.brokers}
	if k.pid > 0 {
		all = append(all, "BENCH_BROKER_PID="+strconv.Itoa(k.pid))
	}
	return all
}

// startKafka starts a broker and controller, or finds the one that BENCH_BROKERS names. It
// returns nil when there is neither that nor the jars.
func (b *bed) startKafka(ctx context.Context) (k *kafka, stop func(), err error) {
	jars := os.Getenv(kafkaJars)
	switch brokers := os.Getenv("BENCH_BROKERS"); {
	case brokers != "":
		pid, _ := strconv.Atoi(os.Getenv("BENCH_BROKER_PID"))
		return &kafka{brokers: brokers, pid: pid}, func() {}, nil
	case jars == "":
		return nil, func() {}, nil
	}
	at, controller, err := twoAddresses()
	if err != nil {
		return nil, nil, err
	}
	file := b.path("server.properties")
	if err := os.WriteFile(file, []byte(kafkaProperties(at, controller, b.path("kafka-data"))), 0o600); err != nil {
		return nil, nil, err
	}
	java := func(args ...string) *exec.Cmd {
		return exec.CommandContext(ctx, "java", slices.Concat(javaOptions(jars), args)...)
	}
	if out, err := java("kafka.tools.StorageTool", "format", "-t", "km-test-cluster-00000A", "-c", file).CombinedOutput(); err != nil {
		return nil, nil, fmt.Errorf("format the storage of Kafka: %w: %s", err, out)
	}
	cmd := java("kafka.Kafka", file)
	if err := cmd.Start(); err != nil {
		return nil, nil, fmt.Errorf("start Kafka: %w", err)
	}
	stop = func() { _ = cmd.Process.Kill(); _ = cmd.Wait() }
	if err := awaitListener(ctx, at); err != nil {
		stop()
		return nil, nil, fmt.Errorf("start Kafka: %w", err)
	}
	return &kafka{brokers: at, pid: cmd.Process.Pid}, stop, nil
}

func kafkaProperties(at, controller, dir string) string {
	return strings.Join([]string{
		"process.roles=broker,controller", "node.id=1", "controller.quorum.voters=1@" + controller,
		"listeners=PLAINTEXT://" + at + ",CONTROLLER://" + controller, "advertised.listeners=PLAINTEXT://" + at,
		"controller.listener.names=CONTROLLER", "listener.security.protocol.map=CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT",
		"log.dirs=" + dir, "auto.create.topics.enable=false",
		"offsets.topic.replication.factor=1", "transaction.state.log.replication.factor=1", "transaction.state.log.min.isr=1",
	}, "\n") + "\n"
}

// twoAddresses returns two free addresses.
func twoAddresses() (first, second string, err error) {
	a, errA := net.Listen("tcp", "127.0.0.1:0")
	b, errB := net.Listen("tcp", "127.0.0.1:0")
	if err := errors.Join(errA, errB); err != nil {
		return "", "", err
	}
	return a.Addr().String(), b.Addr().String(), errors.Join(a.Close(), b.Close())
}

// awaitListener waits until something listens at an address.
func awaitListener(ctx context.Context, address string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		c, err := net.Dial("tcp", address)
		if err == nil {
			return c.Close()
		}
		select {
		case <-ctx.Done():
			return err
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// warm has the broker work before it is measured: Java compiles what is used often, and a
// broker that was just started needs twice the CPU time.
func (b *bed) warm(ctx context.Context) error {
	if b.kafka == nil {
		return nil
	}
	_, err := b.ours(ctx, "strict4", true, true)
	return err
}
