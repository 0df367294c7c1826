package worker_test

import (
	"context"
	"fmt"
	"os"

	"kafka-master/infra/embedded"
	"kafka-master/messages"
	"kafka-master/worker"
)

func ExampleRun() {
	ctx, stop := context.WithCancel(context.Background())
	broker, err := embedded.Start(embedded.Config{})
	if err != nil {
		panic(err)
	}
	defer func() { _ = broker.Close() }()
	m, err := newMaster(broker.Addrs(), 15)
	if err != nil {
		panic(err)
	}
	defer m.Close()

	go func() {
		defer stop()
		w, _ := m.announced(ctx, messages.SignalAnnounce)
		_ = m.hand(ctx, w, messages.ChunkHeader{BatchID: "ips_chunk_0", Attempt: 1, File: "ips.txt"}, "10.0.0.1", "8.8.8.8")
		f, _ := m.final(ctx)
		fmt.Println(f.BatchID, f.Processing, "of", f.Total, f.Outcome)
	}()
	cfg := worker.Config{ID: "scanner-1", Brokers: broker.Addrs()}
	err = worker.Run(ctx, cfg, func(ctx context.Context, chunk worker.Chunk, progress func(int)) error {
		for i, item := range chunk.Items {
			fmt.Println(chunk.File, item)
			progress(i + 1)
		}
		return nil
	})
	fmt.Println("ended:", err)
	// Output:
	// ips.txt 10.0.0.1
	// ips.txt 8.8.8.8
	// ips_chunk_0 2 of 2 ok
	// ended: <nil>
}

func ExampleSampleHandler() {
	dir, err := os.MkdirTemp("", "results")
	if err != nil {
		panic(err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	chunk := worker.Chunk{BatchID: "ips_chunk_0", File: "ips.txt", Items: []string{"10.0.0.1", "hello", "::1"}}
	if err := worker.SampleHandler(dir)(context.Background(), chunk, func(int) {}); err != nil {
		panic(err)
	}
	text, _ := os.ReadFile(worker.Results{Dir: dir}.Path(chunk))
	fmt.Print(string(text))
	// Output:
	// {"item":"10.0.0.1","version":4,"scope":"private"}
	// {"item":"::1","version":6,"scope":"loopback"}
}
