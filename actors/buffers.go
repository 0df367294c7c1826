package actors

import (
	"math/bits"
	"sync"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/asynkron/protoactor-go/extensions"
)

// buffers recycles the memory of the texts of chunks and of their messages, which would
// otherwise be most of what a master allocates. It is an extension of the system, so that
// every actor finds it. A nil buffers recycles nothing.
//
// A buffer belongs to one owner at a time, who hands it on with the message that contains
// it. Whoever surely is its last user puts it back. One that is not put back, such as that
// of a chunk that is not handed out any more, is left to the garbage collector, which also
// takes those that nobody has used for a while.
type buffers struct {
	classes [classCount]sync.Pool // of *[]byte, by size: all buffers of a class have at least its size
	spoil   bool                  // whatever is put back is overwritten, in tests
}

const (
	// minBuffer and maxBuffer are the sizes between which memory is recycled. The message of
	// a chunk is never larger than that, and what is smaller is not worth it.
	minBuffer = 1 << 10
	maxBuffer = 1 << 20
	// sizeSteps is the number of classes between a size and its double. A buffer is at most
	// an eighth larger than what was asked for.
	sizeSteps  = 8
	classCount = 10*sizeSteps + 1 // from minBuffer to maxBuffer
)

// buffersID is the key of the buffers in a system. The library counts these ids for the
// whole process.
var buffersID = extensions.NextExtensionID()

// ExtensionID implements extensions.Extension.
func (*buffers) ExtensionID() extensions.ExtensionID { return buffersID }

// buffersOf returns the buffers of the system, nil when nothing is recycled.
func buffersOf(sys *actor.ActorSystem) *buffers {
	b, _ := sys.Extensions.Get(buffersID).(*buffers)
	return b
}

// get returns an empty slice with room for n bytes.
func (b *buffers) get(n int) []byte {
	if b == nil || n > maxBuffer {
		return make([]byte, 0, n)
	}
	class := sizeClass(max(n, minBuffer))
	if classSize(class) < n {
		class++
	}
	if p, ok := b.classes[class].Get().(*[]byte); ok {
		return (*p)[:0]
	}
	return make([]byte, 0, classSize(class))
}

// put takes the memory of a slice back, which nobody uses any more.
func (b *buffers) put(p []byte) {
	if b == nil || cap(p) < minBuffer || cap(p) > maxBuffer {
		return
	}
	if b.spoil {
		p = p[:cap(p)]
		for i := range p {
			p[i] = 0xDB
		}
	}
	b.classes[sizeClass(cap(p))].Put(&p)
}

// sizeClass returns the class of a size from minBuffer to maxBuffer: the largest one that is
// not larger than that.
func sizeClass(n int) int {
	exp := bits.Len(uint(n)) - bits.Len(minBuffer)
	return exp*sizeSteps + (n>>(exp+bits.Len(minBuffer)-1-3))&(sizeSteps-1)
}

// classSize returns the size of a class.
func classSize(class int) int {
	exp, step := class/sizeSteps, class%sizeSteps
	return (minBuffer + step*minBuffer/sizeSteps) << exp
}
