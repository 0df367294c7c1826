package inputfile

import (
	"context"

	"github.com/cespare/xxhash/v2"

	"kafka-master/messages"
)

// Fingerprint returns the XXH64 of the first and last messages.FingerprintEdge bytes of a
// file, or of the whole file if it is shorter than both together.
func Fingerprint(ctx context.Context, want messages.FileInfo, read Read) (uint64, error) {
	const edge = messages.FingerprintEdge
	b := make([]byte, min(want.Size, 2*edge))
	head := b[:min(len(b), edge)]
	err := read(ctx, head, 0)
	if tail := b[len(head):]; err == nil && len(tail) > 0 {
		err = read(ctx, tail, want.Size-int64(len(tail)))
	}
	return xxhash.Sum64(b), EndsEarly(want, err)
}
