// Command nats runs the work of bench/peers on NATS JetStream: one process is the
// server, one cuts the input and publishes a message for each chunk, others take
// and acknowledge them.
//
//	nats serve -dir DIR                      prints its URL; until its standard input closes
//	nats produce -url URL -file FILE         prints how long it took, in seconds
//	nats work -url URL -concurrency N        until its standard input closes
package main

import (
	"bufio"
	"bytes"
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"strconv"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	batchSize = 500
	stream    = "CHUNKS"
	subject   = "chunks"
	consumer  = "workers"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "nats:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) error {
	flags := flag.NewFlagSet("nats", flag.ContinueOnError)
	dir := flags.String("dir", "", "folder of the server's data")
	url := flags.String("url", "", "server")
	file := flags.String("file", "", "input")
	concurrency := flags.Int("concurrency", 1, "consumers of this process")
	if len(args) == 0 {
		return fmt.Errorf("a command is needed: serve, produce or work")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	switch args[0] {
	case "serve":
		return serve(*dir)
	case "work":
		return work(ctx, *url, *concurrency)
	}
	return produce(ctx, *url, *file)
}

func serve(dir string) error {
	s, err := server.NewServer(&server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: dir, NoLog: true, NoSigs: true})
	if err != nil {
		return err
	}
	s.Start()
	if !s.ReadyForConnections(10 * time.Second) {
		return fmt.Errorf("the server does not start")
	}
	fmt.Println(s.ClientURL())
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.Shutdown()
	return nil
}

// open makes the stream, whose messages are gone once they are acknowledged, and its
// consumer.
func open(ctx context.Context, url string) (*nats.Conn, jetstream.JetStream, jetstream.Consumer, error) {
	nc, err := nats.Connect(url)
	if err != nil {
		return nil, nil, nil, err
	}
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(1000))
	if err != nil {
		return nc, nil, nil, err
	}
	_, err = js.CreateOrUpdateStream(ctx, jetstream.StreamConfig{Name: stream, Subjects: []string{subject}, Retention: jetstream.WorkQueuePolicy, Storage: jetstream.FileStorage})
	if err != nil {
		return nc, nil, nil, err
	}
	c, err := js.CreateOrUpdateConsumer(ctx, stream, jetstream.ConsumerConfig{Durable: consumer, AckPolicy: jetstream.AckExplicitPolicy, MaxAckPending: 10_000})
	return nc, js, c, err
}

// work counts the items of each message.
func work(ctx context.Context, url string, concurrency int) error {
	for range concurrency {
		nc, _, c, err := open(ctx, url)
		if err != nil {
			return err
		}
		defer nc.Close()
		running, err := c.Consume(func(m jetstream.Msg) {
			_ = bytes.Count(m.Data(), []byte(`","`)) + 1
			_ = m.Ack()
		}, jetstream.PullMaxMessages(64))
		if err != nil {
			return err
		}
		defer running.Stop()
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	return nil
}

// produce is timed from the opening of the file until every message is acknowledged
// and gone from the stream.
func produce(ctx context.Context, url, file string) error {
	nc, js, _, err := open(ctx, url)
	if err != nil {
		return err
	}
	defer nc.Close()
	start := time.Now()
	if err := publish(js, file); err != nil {
		return err
	}
	select {
	case <-js.PublishAsyncComplete():
	case <-time.After(time.Minute):
		return fmt.Errorf("not everything could be published")
	}
	for {
		s, err := js.Stream(ctx, stream)
		if err != nil {
			return err
		}
		if s.CachedInfo().State.Msgs == 0 {
			fmt.Println(time.Since(start).Seconds())
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func publish(js jetstream.JetStream, file string) error {
	f, err := os.Open(file)
	if err != nil {
		return err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	var chunk []byte
	chunks, items := 0, 0
	flush := func() error {
		_, err := js.PublishAsync(subject, append(chunk, `"]}`...))
		chunks, items = chunks+1, 0
		return err
	}
	for lines.Scan() {
		if items == 0 {
			chunk = append(make([]byte, 0, 10<<10), `{"batchId":"`...)
			chunk = append(strconv.AppendInt(chunk, int64(chunks), 10), `","data":["`...)
		} else {
			chunk = append(chunk, `","`...)
		}
		chunk = append(chunk, lines.Bytes()...)
		if items++; items == batchSize {
			if err := flush(); err != nil {
				return err
			}
		}
	}
	if items > 0 {
		if err := flush(); err != nil {
			return err
		}
	}
	return lines.Err()
}
