package embedded

import (
	"fmt"

	"github.com/twmb/franz-go/pkg/kbin"

	"kafka-master/infra/recordset"
)

// crcAt is where a batch has its checksum.
const crcAt = 17

const (
	// firstProduce is the oldest version with batches of format 2.
	firstProduce = 3
	// maxProduced bounds the topics, and the partitions, of one produce request.
	maxProduced = maxPartitions
)

// checksAtOnce bounds how many compressed batches are inflated at a time to look
// into them.
const checksAtOnce = 2

// batchCheck looks at batches before they are stored: kfake believes what they
// claim, and a record that nobody can read would be met by every reader, after
// every restart.
type batchCheck struct {
	inflater *recordset.Inflater
	turn     chan struct{} // has room for checksAtOnce
}

func newBatchCheck() (batchCheck, error) {
	in, err := recordset.NewInflater()
	if err != nil {
		return batchCheck{}, err
	}
	return batchCheck{inflater: in, turn: make(chan struct{}, checksAtOnce)}, nil
}

// checkProduce makes kfake refuse the batches of a request that are not what they
// claim, each alone: their checksum is made wrong in place. kfake then answers
// with the error for corrupt messages. It goes over the request itself: decoding
// makes room for whatever an array announces.
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
			if len(set) > crcAt && b.check(set) != nil { // kfake refuses shorter ones
				set[crcAt] ^= 0xff
			}
		}
	}
	if err := r.Complete(); err != nil {
		return fmt.Errorf("produce request: %w", err)
	}
	return nil
}

// elements reads the length of an array; one that is too long ends the reading.
func elements(r *kbin.Reader) int32 {
	n := r.ArrayLen()
	if n > maxProduced {
		r.Src = nil
		r.Int16() // there is nothing left, so it is bad now
		return 0
	}
	return max(0, n)
}

func (b *batchCheck) check(set []byte) error {
	b.turn <- struct{}{}
	defer func() { <-b.turn }()
	return recordset.Check(b.inflater, set)
}
