package messages

// SignalKind is the kind of a worker's message.
type SignalKind uint8

// The kinds of signals.
const (
	SignalAnnounce  SignalKind = iota // "new": the worker starts, or its partitions changed
	SignalDone                        // a classic worker ended a chunk; changes no state
	SignalHeartbeat                   // a native worker is alive and lists its chunks
	SignalDraining                    // the worker takes no more chunks
	SignalBye                         // the worker ends
	SignalProgress                    // progress or end of an attempt
)

var signalKinds = [...]string{"new", "done", "heartbeat", "draining", "bye", "progress"}

// String returns the kind's name on the wire.
func (k SignalKind) String() string { return name(signalKinds[:], int(k)) }

// Outcome is the result of an attempt as its worker reports it.
type Outcome string

// The outcomes of an attempt. A classic worker reports none: its attempt has succeeded
// when all items were processed.
const (
	OutcomeNone   Outcome = ""
	OutcomeOK     Outcome = "ok"
	OutcomeFailed Outcome = "failed"
	OutcomeRetry  Outcome = "retry"
)

// Signal is a decoded message of a worker. Its kind determines which fields are set.
type Signal struct {
	Kind   SignalKind
	Worker WorkerID
	// Old marks a message that was written before this leadership began. An earlier
	// leader may have read it too.
	Old bool

	// Announce, heartbeat, draining and bye.
	Partitions  []int32
	Protocol    int // 2 for native workers, 0 for classic ones
	Incarnation Incarnation
	Capacity    int
	Version     string
	Running     []string // batch ids of chunks that run
	Queued      []string // batch ids of chunks that wait at the worker
	Next        int64    // next offset that the worker reads, or UnknownOffset
	Recalls     bool     // it gives back queued chunks when a recall lists them
	Note        string   // why the worker takes no chunks now, cut to MaxNote; empty when it does

	// Progress.
	BatchID    string
	Processing int64 // items processed
	Total      int64 // items of the chunk
	Attempt    int   // 0 when the message has none
	Outcome    Outcome
	Error      string // why it failed, cut to MaxErrorText
	Deployment string // deployment in the chunk message, empty when the message has none
	Offset     int64  // first byte of the chunk's range; valid if Hash is set
	Hash       string // hash of the chunk's range, empty when the message has none

	// The end of an attempt of a native worker that succeeded.
	FailedItems  int64       // items that failed, 0 to Total
	FailedRanges []ItemRange // which ones, in ascending order; nil when that is not known
	Recorded     bool        // the worker recorded the result in a manifest
	OutputLines  int64       // lines of that result
}

// Native reports whether the sender is a native worker.
func (s Signal) Native() bool { return s.Protocol >= 2 || !s.Incarnation.IsZero() }

// Final reports whether a progress signal ends its attempt.
func (s Signal) Final() bool {
	return s.Kind == SignalProgress && (s.Outcome != OutcomeNone || s.Processing == s.Total)
}

// Failed reports whether the attempt did not succeed.
func (s Signal) Failed() bool { return s.Outcome == OutcomeFailed || s.Outcome == OutcomeRetry }
