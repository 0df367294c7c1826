// Command asynq runs the work of bench/peers on asynq: one process cuts the input
// and enqueues a task for each chunk, others take the tasks.
//
//	asynq produce -redis HOST:PORT -file FILE    prints how long it took, in seconds
//	asynq work -redis HOST:PORT -concurrency N   until its standard input closes
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
	"sync"
	"time"

	"github.com/hibiken/asynq"
)

const (
	batchSize = 500
	enqueuers = 8
	kind      = "chunk"
	queue     = "default"
)

func main() {
	if err := run(os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "asynq:", err)
		os.Exit(1)
	}
}

func run(args []string) error {
	flags := flag.NewFlagSet("asynq", flag.ContinueOnError)
	redis := flags.String("redis", "", "host:port")
	file := flags.String("file", "", "input")
	concurrency := flags.Int("concurrency", 1, "tasks at once")
	if len(args) == 0 {
		return fmt.Errorf("a command is needed: produce or work")
	}
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	opt := asynq.RedisClientOpt{Addr: *redis}
	if args[0] == "work" {
		return work(opt, *concurrency)
	}
	return produce(opt, *file)
}

// work counts the items of each task.
func work(opt asynq.RedisClientOpt, concurrency int) error {
	server := asynq.NewServer(opt, asynq.Config{Concurrency: concurrency, LogLevel: asynq.ErrorLevel})
	err := server.Start(asynq.HandlerFunc(func(_ context.Context, t *asynq.Task) error {
		_ = bytes.Count(t.Payload(), []byte(`","`)) + 1
		return nil
	}))
	if err != nil {
		return err
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	server.Shutdown()
	return nil
}

// produce is timed from the opening of the file until every task is processed and
// gone from the queue.
func produce(opt asynq.RedisClientOpt, file string) error {
	client, inspector := asynq.NewClient(opt), asynq.NewInspector(opt)
	defer client.Close()
	defer inspector.Close()
	start := time.Now()
	chunks, err := enqueue(client, file)
	if err != nil {
		return err
	}
	for {
		info, err := inspector.GetQueueInfo(queue)
		if err != nil {
			return err
		}
		if info.ProcessedTotal >= chunks && info.Size == 0 {
			fmt.Println(time.Since(start).Seconds())
			return nil
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func enqueue(client *asynq.Client, file string) (chunks int, err error) {
	payloads := make(chan []byte, enqueuers)
	errs := make(chan error, enqueuers)
	var all sync.WaitGroup
	for range enqueuers {
		all.Go(func() {
			for p := range payloads {
				if _, err := client.Enqueue(asynq.NewTask(kind, p)); err != nil {
					errs <- err
					return
				}
			}
		})
	}
	f, err := os.Open(file)
	if err != nil {
		return 0, err
	}
	defer f.Close()
	lines := bufio.NewScanner(f)
	var chunk []byte
	items := 0
	for lines.Scan() {
		if items == 0 {
			chunk = append(make([]byte, 0, 10<<10), `{"batchId":"`...)
			chunk = append(strconv.AppendInt(chunk, int64(chunks), 10), `","data":["`...)
		} else {
			chunk = append(chunk, `","`...)
		}
		chunk = append(chunk, lines.Bytes()...)
		if items++; items == batchSize {
			payloads <- append(chunk, `"]}`...)
			chunks, items = chunks+1, 0
		}
	}
	if items > 0 {
		payloads <- append(chunk, `"]}`...)
		chunks++
	}
	close(payloads)
	all.Wait()
	close(errs)
	if err := <-errs; err != nil {
		return chunks, err
	}
	return chunks, lines.Err()
}
