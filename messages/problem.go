package messages

import "time"

// ProblemKind classifies problems. The set is closed, since people define alarms on
// it.
type ProblemKind string

// The kinds of problems.
const (
	ProblemKafka         ProblemKind = "kafka_unavailable" // Kafka cannot be read, written or asked
	ProblemState         ProblemKind = "state_unavailable" // the state store does not answer, or refuses
	ProblemStateLost     ProblemKind = "state_incomplete"  // records are missing in the state store
	ProblemTopic         ProblemKind = "topic_settings"    // the settings of a topic lose or repeat work
	ProblemDeployment    ProblemKind = "deployment"        // masters that share a store do not belong together
	ProblemInput         ProblemKind = "input_unavailable" // the input folder cannot be listed
	ProblemFile          ProblemKind = "file_unreadable"   // an input file cannot be read
	ProblemUnfinished    ProblemKind = "file_unfinished"   // the copy of an input file looks incomplete
	ProblemPaused        ProblemKind = "file_paused"       // too many items of a file are dead or failed
	ProblemDispatch      ProblemKind = "dispatch_paused"   // a person paused all hand-outs
	ProblemIgnoredFiles  ProblemKind = "files_ignored"     // the input folder has files that are not input
	ProblemNoFiles       ProblemKind = "no_files"          // the input folder has no input
	ProblemNoWorkers     ProblemKind = "no_workers"        // work waits, and there is no worker
	ProblemDuplicateID   ProblemKind = "duplicate_worker"  // two processes use the same worker id
	ProblemNoPartition   ProblemKind = "no_partition"      // workers have no partition to read
	ProblemUnfitWorker   ProblemKind = "worker_unfit"      // a worker cannot work, or fails chunks that others complete
	ProblemUnbegun       ProblemKind = "not_begun"         // a worker lives and does not begin what it was sent
	ProblemStalledChunk  ProblemKind = "chunk_stalled"     // a worker holds a chunk without progress
	ProblemReturnedChunk ProblemKind = "chunk_returned"    // a chunk is given back again and again
	ProblemNoResultYet   ProblemKind = "no_result_yet"     // chunks run without progress, and none of their file has ended
	ProblemAllFails      ProblemKind = "everything_fails"  // one attempt after the other fails, and no chunk is done
	ProblemSlowTail      ProblemKind = "slow_tail"         // the last chunks of a file run for long while workers are idle
	ProblemChanged       ProblemKind = "file_changed"      // a file changed while it was in work
	ProblemFailedFile    ProblemKind = "file_failed"       // a file could not be processed, or not to its end
	ProblemSettling      ProblemKind = "file_settling"     // a file changes all the time, so that it is not taken
	ProblemHeldUp        ProblemKind = "held_up"           // nothing runs, since people drained, paused or limited it
	ProblemNothingRuns   ProblemKind = "nothing_runs"      // there is work, and no chunk is at a worker
	ProblemStalled       ProblemKind = "stalled"           // there is work and there are workers, but no chunk ends
	ProblemRepeats       ProblemKind = "repeated_runs"     // many chunks run more than once
	ProblemBadMessages   ProblemKind = "messages_skipped"  // messages could not be read or were refused
	ProblemLimit         ProblemKind = "limit_reached"     // a bound that protects the master is reached
	ProblemUndeliverable ProblemKind = "not_delivered"     // chunks cannot be written to a worker's partition
	ProblemMerge         ProblemKind = "merge_failed"      // results of ended files cannot be merged
	ProblemMasterStuck   ProblemKind = "master_stuck"      // a part of the master does not answer
)

// ProblemKinds lists every kind.
func ProblemKinds() []ProblemKind {
	return []ProblemKind{
		ProblemKafka, ProblemState, ProblemStateLost, ProblemTopic, ProblemDeployment, ProblemInput, ProblemFile, ProblemUnfinished, ProblemPaused, ProblemChanged, ProblemFailedFile, ProblemSettling,
		ProblemDispatch, ProblemIgnoredFiles, ProblemNoFiles, ProblemNoWorkers, ProblemDuplicateID, ProblemNoPartition, ProblemUnfitWorker,
		ProblemUnbegun, ProblemStalledChunk, ProblemNoResultYet, ProblemAllFails, ProblemSlowTail, ProblemReturnedChunk, ProblemHeldUp, ProblemNothingRuns, ProblemStalled, ProblemRepeats, ProblemBadMessages, ProblemLimit,
		ProblemUndeliverable, ProblemMerge, ProblemMasterStuck,
	}
}

// Part returns the part of the system to which problems of the kind belong.
func (k ProblemKind) Part() string {
	switch k {
	case ProblemKafka, ProblemTopic, ProblemBadMessages, ProblemUndeliverable:
		return "kafka"
	case ProblemState, ProblemDeployment:
		return "state"
	case ProblemInput, ProblemFile, ProblemUnfinished, ProblemPaused, ProblemChanged, ProblemFailedFile, ProblemSettling, ProblemIgnoredFiles, ProblemNoFiles, ProblemStateLost:
		return "input"
	case ProblemMasterStuck:
		return "master"
	}
	return "workers"
}

// Problem is a condition that a person has to know about.
type Problem struct {
	Kind  ProblemKind
	Part  string    // "kafka", "state", "input", "workers" or "master"
	Text  string    // one sentence: what is wrong, and the last reason
	Since time.Time // time when it began
	Count int       // number of things concerned, or of occurrences; at least 1
	Place           // of one of the things concerned, as far as there is one
	Cures []Cure    // what can be done about it, the best first
}

// Place is where a problem is. A field that says nothing is zero.
type Place struct {
	File   FileID
	Path   string // of the file
	Worker WorkerID
	Chunk  string // batch id of an attempt
}

// Cure is one thing that a person can do about a problem.
type Cure struct {
	Text    string // what it is for, as a request without a full stop: "give the worker no new chunks"
	Command string // the command line that does it, empty when it is none
	Call    *Call  // the call of the API that does it, nil when there is none
}

// Call is a call of the API that changes something.
type Call struct {
	Method string
	Path   string // below /api/v1/, percent-encoded
	Body   map[string]any
}
