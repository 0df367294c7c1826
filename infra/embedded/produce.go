package embedded

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kbin"

	"kafka-master/infra/recordset"
)

// crcAt is the position of the checksum in a batch.
const crcAt = 17

const (
	// firstProduce is the oldest version with record batches of format 2.
	firstProduce = 3
	// maxProduced bounds the topics, and the partitions, of one produce request.
	maxProduced = maxPartitions
)

// checksAtOnce is the number of batches that are inflated at once to check them.
const checksAtOnce = 2

// batchCheck checks batches before kfake stores them. kfake does not verify their headers,
// and every reader would fail at a record that cannot be read, even after a restart.
type batchCheck struct {
	inflater *recordset.Inflater
	running  chan struct{} // semaphore of checksAtOnce
}

func newBatchCheck() (batchCheck, error) {
	in, err := recordset.NewInflater()
	if err != nil {
		return batchCheck{}, err
	}
	return batchCheck{inflater: in, running: make(chan struct{}, checksAtOnce)}, nil
}

// checkProduce invalidates the checksum of each bad batch of a request, so that kfake
// refuses that batch alone, with the error for corrupt messages. It walks through the
// encoded request, since decoding allocates as many elements as an array announces.
func (b *batchCheck) checkProduce(version int16, body []byte) error {
	if version < firstProduce {
		return fmt.Errorf("produce request of version %d", version)
	}
	r := kbin.Reader{Src: body}
	r.NullableString() // transaction
	r.Int16()          // acknowledgements
	r.Int32()          // time-out
	partitions := 0
	for range elements(&r) {
		_ = r.String()
		for range elements(&r) {
			r.Int32()
			set := r.NullableBytes()
			if partitions++; !r.Ok() || partitions > maxProduced {
				return fmt.Errorf("produce request: malformed, or for more than %d partitions", maxProduced)
			}
			if len(set) > crcAt && b.check(set) != nil { // kfake refuses shorter batches
				set[crcAt] ^= 0xff
			}
		}
	}
	if err := r.Complete(); err != nil {
		return fmt.Errorf("produce request: %w", err)
	}
	return nil
}

// elements reads the length of an array. If it is too large, the reader becomes bad.
func elements(r *kbin.Reader) int32 {
	n := r.ArrayLen()
	if n > maxProduced {
		r.Src = nil
		r.Int16() // fails, since nothing is left
		return 0
	}
	return max(0, n)
}

func (b *batchCheck) check(set []byte) error {
	b.running <- struct{}{}
	defer func() { <-b.running }()
	return recordset.Check(b.inflater, set)
}
