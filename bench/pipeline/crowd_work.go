package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"kafka-master/infra/kafkabus"
	"kafka-master/messages"
)

// crowdWork does every chunk of the crowd at once, until ctx ends, and notes in read where it
// reads each partition next. Its workers need no partition
// and connection each, so that ten thousand of them cost the machine little.
func crowdWork(ctx context.Context, bus *kafkabus.Bus, t topics, incarnation messages.Incarnation, read []atomic.Int64) error {
	n := 0
	for n == 0 && ctx.Err() == nil { // until the master has made the topic
		n, _ = bus.Partitions(ctx, t.chunks)
	}
	at := make([]messages.Position, n)
	for p := range at {
		at[p] = messages.Position{Topic: t.chunks, Partition: int32(p)}
	}
	for ctx.Err() == nil {
		fetched, err := bus.Fetch(ctx, at, time.Second)
		if err != nil {
			continue // the topic was made a moment ago, or ctx ends
		}
		var results []messages.Record
		for _, f := range fetched {
			if f.Err != nil {
				return fmt.Errorf("read chunks: %w", f.Err)
			}
			at[f.Partition].Offset = f.Offset
			for _, r := range f.Records {
				if s, ok := resultOf(r.Value, incarnation); ok {
					results = append(results, messages.Record{Topic: t.signals, Key: []byte(s.Worker), Value: s.Encode()})
				}
			}
		}
		for _, out := range bus.Produce(ctx, results) {
			if out.Err != nil && ctx.Err() == nil {
				return fmt.Errorf("send a result: %w", out.Err)
			}
		}
		for _, f := range fetched { // when the results are on their way, so that no heartbeat denies a chunk
			read[f.Partition].Store(f.Offset)
		}
	}
	return nil
}

// resultOf is the message that a chunk is done; ok is false for anything but a chunk.
func resultOf(value []byte, incarnation messages.Incarnation) (s messages.Signal, ok bool) {
	m, err := messages.DecodeChunk(value)
	if err != nil || len(m.Data) == 0 {
		return s, false
	}
	n := int64(len(m.Data))
	return messages.Signal{
		Kind: messages.SignalProgress, Worker: messages.WorkerID(m.ID), Protocol: 2, Incarnation: incarnation, BatchID: m.BatchID,
		Processing: n, Total: n, Attempt: m.Attempt, Outcome: messages.OutcomeOK, Deployment: m.Deployment, Offset: m.Offset, Hash: m.Hash,
	}, true
}

// fillTries has every worker end so many chunks, or a few more.
func (st *stage) fillTries(ctx context.Context, attempts int) error {
	st.chunks = st.workers * attempts * 3 / 2 // some workers get more of them than others
	if err := st.writeFile(); err != nil {
		return err
	}
	began := time.Now()
	if err := os.Rename(filepath.Join(st.dir, fileName), filepath.Join(st.dir, inputName, fileName)); err != nil {
		return fmt.Errorf("hand the input over: %w", err)
	}
	ended, err := st.master.await(ctx, msgEnded)
	if err != nil {
		return err
	}
	fmt.Printf("%d chunks done in %.1f s\n", ended.Done, time.Since(began).Seconds())
	return nil
}
