package proof

import (
	"bytes"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
)

// BenchmarkReadInput measures how fast the input is hashed and counted, with lines of 14
// bytes in ranges of 500 lines.
func BenchmarkReadInput(b *testing.B) {
	var text bytes.Buffer
	for i := range 5_000_000 {
		fmt.Fprintf(&text, "10.%d.%d.%d\n", 100+i%150, 100+i/150%150, 100+i/22500%150)
	}
	c := &check{}
	c.books.Info.Size = int64(text.Len())
	const rangeBytes = 500 * 15
	for at := int64(0); at < c.books.Info.Size; at += rangeBytes {
		c.pieces = append(c.pieces, piece{offset: at, length: min(rangeBytes, c.books.Info.Size-at)})
	}
	b.SetBytes(c.books.Info.Size)
	for b.Loop() {
		c.read = 0
		require.NoError(b, c.readInput(bytes.NewReader(text.Bytes())))
		require.Equal(b, c.books.Info.Size, c.read)
	}
}
