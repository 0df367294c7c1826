package messages

// SignalKind is what a worker says.
type SignalKind uint8

// The kinds of signals.
const (
	SignalAnnounce  SignalKind = iota // "new": here I am, with these partitions
	SignalDone                        // a classic worker ended a chunk; decides nothing
	SignalHeartbeat                   // a native worker lives, and what it holds
	SignalDraining                    // takes nothing more
	SignalBye                         // ends
	SignalProgress                    // how far a chunk is, or how it ended
)

var signalKinds = [...]string{"new", "done", "heartbeat", "draining", "bye", "progress"}

// String returns the kind's name on the wire.
func (k SignalKind) String() string { return name(signalKinds[:], int(k)) }

// Outcome is how a worker says that an attempt ended.
type Outcome string

// The outcomes of an attempt. A classic worker says none: its attempt is done
// when as many items were processed as it has.
const (
	OutcomeNone   Outcome = ""
	OutcomeOK     Outcome = "ok"
	OutcomeFailed Outcome = "failed"
	OutcomeRetry  Outcome = "retry"
)

// Signal is one decoded message of a worker. Which fields are set depends on
// its kind.
type Signal struct {
	Kind   SignalKind
	Worker WorkerID
	// Old says that it lay there before this leadership began, so that a former
	// leader may have read it.
	Old bool

	// Announce, heartbeat, draining and bye.
	Partitions  []int32
	Protocol    int // 2 for native workers, 0 for classic ones
	Incarnation Incarnation
	Capacity    int
	Version     string
	Running     []string // batch ids in work
	Queued      []string // batch ids read and not begun
	Next        int64    // next offset that the worker reads, UnknownOffset when not said
	Note        string   // why the worker takes no chunks now, cut to MaxNote; empty when it does

	// Progress.
	BatchID    string
	Processing int64
	Total      int64
	Attempt    int // 0 when not said
	Outcome    Outcome
	Error      string // why it failed, cut to MaxErrorText
	Deployment string // that of the chunk, empty when not said
	Offset     int64  // that of the chunk's range, when Hash is there
	Hash       string // that of the chunk's range, empty when not said
}

// Native reports whether the sender is a native worker.
func (s Signal) Native() bool { return s.Protocol >= 2 || !s.Incarnation.IsZero() }

// Final reports whether a progress signal ends its attempt.
func (s Signal) Final() bool {
	return s.Kind == SignalProgress && (s.Outcome != OutcomeNone || s.Processing == s.Total)
}

// Failed reports whether a final signal says that the attempt did not succeed.
func (s Signal) Failed() bool { return s.Outcome == OutcomeFailed || s.Outcome == OutcomeRetry }
