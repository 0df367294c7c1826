package actors

import (
	"fmt"
	"testing"
	"time"

	"kafka-master/messages"
)

// A look at the work costs what is in work, however many files are remembered; a
// look at the list of files costs a copy of its pointers.
func BenchmarkLook(b *testing.B) {
	for _, remembered := range []int{10, 100_000} {
		led, now := newLedger(messages.Term{Number: 1}, 1), time.Unix(1000, 0)
		var snap messages.Snapshot
		for i := range remembered {
			f := testFile(messages.FileID(i+1), 0)
			f.State, f.Ended = messages.FileDone, now
			snap.Files = append(snap.Files, f)
		}
		led.restore(snap, now)
		for i := range 16 {
			if err := led.openFile(testFile(messages.FileID(remembered+i+1), 2), now); err != nil {
				b.Fatal(err)
			}
		}
		seen := newFilesSeen()
		seen.apply(led.changes(), now)
		b.Run(fmt.Sprintf("dispatcher/%d", remembered), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				led.changes()
			}
		})
		b.Run(fmt.Sprintf("overview/%d", remembered), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				seen.apply(led.changes(), now)
				seen.working()
			}
		})
		b.Run(fmt.Sprintf("files/%d", remembered), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				seen.apply(led.changes(), now)
				seen.all()
			}
		})
	}
}
