// Package bench measures the project: how many chunks a second the real master
// hands out and proves done (see the command in pipeline/), and how fast its
// inner loops are (see the benchmarks here and in actors/).
package bench

import (
	"bufio"
	"fmt"
	"io"
	"math/rand/v2"
	"strconv"
)

// WriteAddresses writes n random IPv4 addresses, one on a line, about 14 bytes
// each. The same seed gives the same bytes.
func WriteAddresses(w io.Writer, n int64, seed uint64) error {
	out := bufio.NewWriterSize(w, 1<<20)
	rnd := rand.New(rand.NewPCG(seed, seed))
	line := make([]byte, 0, 16)
	for range n {
		if _, err := out.Write(appendAddress(line, rnd.Uint32())); err != nil {
			return fmt.Errorf("write addresses: %w", err)
		}
	}
	if err := out.Flush(); err != nil {
		return fmt.Errorf("write addresses: %w", err)
	}
	return nil
}

func appendAddress(line []byte, ip uint32) []byte {
	for shift := 24; shift >= 0; shift -= 8 {
		line = strconv.AppendUint(line, uint64(byte(ip>>shift)), 10)
		line = append(line, '.')
	}
	line[len(line)-1] = '\n'
	return line
}
