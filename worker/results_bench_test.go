package worker

import (
	"fmt"
	"sync/atomic"
	"testing"

	"kafka-master/messages"
)

// BenchmarkCommit measures results of 1 KiB, committed one after the other or by eight
// chunks at once, of one large file or each of a file of its own.
func BenchmarkCommit(b *testing.B) {
	text := make([]byte, 1<<10)
	for _, parallel := range []int{1, 8} {
		for _, small := range []bool{false, true} {
			b.Run(fmt.Sprintf("parallel=%d/small=%t", parallel, small), func(b *testing.B) {
				r := NewResults(b.TempDir())
				var number atomic.Int64
				b.SetParallelism(parallel)
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						n := int(number.Add(1))
						c := Chunk{File: "a.txt", Generation: 1, Deployment: "D", Hash: "44bc2cf5ad770999", Worker: "w"}
						if c.BatchID = (messages.ChunkName{Base: "a", Index: n}).BatchID(1); small {
							c.File = fmt.Sprint(n, ".txt")
						}
						f, err := r.Create(c)
						if err == nil {
							_, err = f.Write(text)
						}
						if err == nil {
							err = f.Commit()
						}
						if err != nil {
							b.Fatal(err)
						}
					}
				})
			})
		}
	}
}
