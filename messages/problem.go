package messages

import "time"

// ProblemKind is what sort of trouble a Problem is. The set is closed: alarms
// are made on it.
type ProblemKind string

// The kinds of problems.
const (
	ProblemKafka         ProblemKind = "kafka_unavailable" // Kafka cannot be read, written or asked
	ProblemState         ProblemKind = "state_unavailable" // the state store does not answer or refuses
	ProblemStateLost     ProblemKind = "state_incomplete"  // records are missing in the state store
	ProblemTopic         ProblemKind = "topic_settings"    // a topic is set up in a way that loses or repeats work
	ProblemDeployment    ProblemKind = "deployment"        // masters that share a store do not belong together
	ProblemInput         ProblemKind = "input_unavailable" // the input folder cannot be listed
	ProblemFile          ProblemKind = "file_unreadable"   // an input file cannot be read
	ProblemUnfinished    ProblemKind = "file_unfinished"   // the copy of an input file does not look complete
	ProblemIgnoredFiles  ProblemKind = "files_ignored"     // files of the folder that are not input
	ProblemNoFiles       ProblemKind = "no_files"          // the input folder holds nothing to work on
	ProblemNoWorkers     ProblemKind = "no_workers"        // work waits and there is no worker
	ProblemDuplicateID   ProblemKind = "duplicate_worker"  // two processes run under one worker id
	ProblemNoPartition   ProblemKind = "no_partition"      // workers have no partition to read
	ProblemUnfitWorker   ProblemKind = "worker_unfit"      // a worker cannot work, or fails what others do
	ProblemStalledChunk  ProblemKind = "chunk_stalled"     // a worker holds a chunk without progress
	ProblemReturnedChunk ProblemKind = "chunk_returned"    // a chunk is given back again and again
	ProblemStalled       ProblemKind = "stalled"           // work is open, workers are there, nothing ends
	ProblemRepeats       ProblemKind = "repeated_runs"     // many chunks run more than once
	ProblemBadMessages   ProblemKind = "messages_skipped"  // messages could not be read or were refused
	ProblemLimit         ProblemKind = "limit_reached"     // a bound that protects the master is hit
	ProblemUndeliverable ProblemKind = "not_delivered"     // chunks cannot be written to a worker's partition
	ProblemDeaf          ProblemKind = "master_stuck"      // a part of the master does not answer
)

// ProblemKinds lists every kind.
func ProblemKinds() []ProblemKind {
	return []ProblemKind{
		ProblemKafka, ProblemState, ProblemStateLost, ProblemTopic, ProblemDeployment, ProblemInput, ProblemFile, ProblemUnfinished,
		ProblemIgnoredFiles, ProblemNoFiles, ProblemNoWorkers, ProblemDuplicateID, ProblemNoPartition, ProblemUnfitWorker,
		ProblemStalledChunk, ProblemReturnedChunk, ProblemStalled, ProblemRepeats, ProblemBadMessages, ProblemLimit,
		ProblemUndeliverable, ProblemDeaf,
	}
}

// Part is the part of the whole that problems of the kind belong to.
func (k ProblemKind) Part() string {
	switch k {
	case ProblemKafka, ProblemTopic, ProblemBadMessages, ProblemUndeliverable:
		return "kafka"
	case ProblemState, ProblemDeployment:
		return "state"
	case ProblemInput, ProblemFile, ProblemUnfinished, ProblemIgnoredFiles, ProblemNoFiles, ProblemStateLost:
		return "input"
	case ProblemDeaf:
		return "master"
	}
	return "workers"
}

// Problem is something that a person has to know of.
type Problem struct {
	Kind  ProblemKind
	Part  string    // "kafka", "state", "input", "workers" or "master"
	Text  string    // one sentence: what is wrong, the last reason, and what cures it
	Since time.Time // when it began
	Count int       // how many things it concerns, or how often it happened; at least 1
}
