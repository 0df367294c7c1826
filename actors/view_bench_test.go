package actors

import (
	"fmt"
	"testing"
	"time"

	"kafka-master/actors/ledger"
	"kafka-master/messages"
)

// A look at the work costs what is in work, however many files are remembered; a
// look at the list of files costs a copy of its pointers.
func BenchmarkLook(b *testing.B) {
	for _, remembered := range []int{10, 100_000} {
		now := time.Unix(1000, 0)
		var snap messages.Snapshot
		for i := range remembered {
			f := testFile(messages.FileID(i+1), 0)
			f.State, f.Ended = messages.FileDone, now
			snap.Files = append(snap.Files, &f)
		}
		led := ledger.New(ledger.Rules{MaxAttempts: 1}, snap, ledger.Sent{}, now)
		for i := range 16 {
			if err := led.Files().Open(testFile(messages.FileID(remembered+i+1), 2), now); err != nil {
				b.Fatal(err)
			}
		}
		changes := func() *fileChanges {
			changed, forgotten := led.Files().Changed(now)
			return &fileChanges{changed: changed, forgotten: forgotten}
		}
		seen := newFileTable()
		seen.apply(changes(), now)
		b.Run(fmt.Sprintf("dispatcher/%d", remembered), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				changes()
			}
		})
		b.Run(fmt.Sprintf("overview/%d", remembered), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				seen.apply(changes(), now)
				seen.working()
			}
		})
		b.Run(fmt.Sprintf("files/%d", remembered), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				seen.apply(changes(), now)
				seen.all()
			}
		})
	}
}
