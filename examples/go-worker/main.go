// Command go-worker is a minimal worker: it prints the items of its chunks.
//
//	go run ./examples/go-worker localhost:9092
package main

import (
	"context"
	"fmt"
	"log"
	"os"
	"os/signal"
	"syscall"

	"kafka-master/worker"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	// After a restart the worker has the same id. A second process gets another one.
	id, err := worker.ClaimID("go-worker.id")
	if err != nil {
		log.Fatal(err)
	}
	defer id.Release()
	cfg := worker.Config{ID: id.ID, Brokers: []string{"localhost:9092"}, Capacity: 2}
	if len(os.Args) > 1 {
		cfg.Brokers = os.Args[1:]
	}
	err = worker.Run(ctx, cfg, func(ctx context.Context, chunk worker.Chunk, progress func(int)) error {
		for i, item := range chunk.Items {
			if ctx.Err() != nil {
				return ctx.Err() // the worker is stopping, the chunk runs again on another one
			}
			fmt.Println(chunk.File, chunk.FirstLine, item)
			progress(i + 1)
		}
		return nil
	})
	if err != nil {
		log.Fatal(err)
	}
}
