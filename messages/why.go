package messages

// Reason is the kind of a Why. The set is closed, since programs decide by it.
type Reason string

// The reasons why a chunk, a file or a worker does not run.
const (
	WhyNoWorker     Reason = "no_worker"            // there is no worker
	WhyNoFreeWorker Reason = "no_free_worker"       // every worker that takes chunks has enough of them
	WhyBackOff      Reason = "back_off"             // it failed or was put off, and waits for a time
	WhyPaused       Reason = "paused"               // somebody paused the file
	WhyPausedAll    Reason = "paused_all"           // somebody paused the hand-out of all files
	WhyMaxDead      Reason = "file_paused_by_limit" // MAX_DEAD of the file is reached
	WhyRate         Reason = "rate_limit"           // the hand-out is limited to a rate
	WhyGroup        Reason = "unstable_group"       // the classic workers' group is not stable
	WhyNoLeader     Reason = "no_partition_leader"  // the worker's partition cannot be written
	WhyUnfit        Reason = "worker_unfit"         // the worker can do no chunk, or does none of those that it gets
	WhyDraining     Reason = "draining"             // the worker finishes what it has
	WhyBudget       Reason = "budget"               // a bound on what may be tried, wait or be in work is reached
	WhySettling     Reason = "settling"             // the file may still be written, or is still being cut
	WhyBehind       Reason = "queued_behind"        // it waits at its worker, or for the former version of its file
	WhyUnreadable   Reason = "retry_reading"        // its range cannot be read now
	WhyCancelled    Reason = "cancelled"            // somebody cancelled the file
	WhyNoPartition  Reason = "no_partition"         // the worker has no partition to read
	WhySilent       Reason = "worker_silent"        // nothing was heard of the worker for too long
	WhyNoWork       Reason = "no_work"              // nothing waits for the worker
)

// Reasons lists every reason.
func Reasons() []Reason {
	return []Reason{
		WhyNoWorker, WhyNoFreeWorker, WhyBackOff, WhyPaused, WhyPausedAll, WhyMaxDead, WhyRate, WhyGroup, WhyNoLeader, WhyUnfit,
		WhyDraining, WhyBudget, WhySettling, WhyBehind, WhyUnreadable, WhyCancelled, WhyNoPartition, WhySilent, WhyNoWork,
	}
}

// Why is why a chunk, a file or a worker does not run. The zero value means that it does.
type Why struct {
	Reason Reason
	Text   string // one sentence for people, without a full stop
}

// Runs reports whether there is no reason why it does not run.
func (w Why) Runs() bool { return w.Reason == "" }
