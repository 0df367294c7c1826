package settings

import (
	"os"
	"time"

	"kafka-master/messages"
)

func workVariables() []Variable {
	return []Variable{{
		Name: "MASTER_ID", Default: "the host name", derive: hostName,
		Doc:  "Name of this master; the masters of a deployment need different names.",
		rule: label(messages.MaxWorkerID, func(s *Settings) *string { return &s.MasterID }),
	}, {
		Name: "BATCH_SIZE", Default: "500",
		Doc:  "Largest number of items in a chunk; the API can change it at run time.",
		rule: whole(1, messages.MaxBatchSize, "items", func(s *Settings) *int { return &s.BatchSize }),
	}, {
		Name: "WORKER_TIMEOUT", Default: "60",
		Doc:  "Time for which a busy worker may be silent before its chunk is given to another one.",
		rule: duration(time.Second, 24*time.Hour, func(s *Settings) *time.Duration { return &s.WorkerTimeout }),
	}, {
		Name: "MAX_ATTEMPTS", Default: "5",
		Doc:  "Number of failures after which a chunk is dead.",
		rule: whole(1, 100, "", func(s *Settings) *int { return &s.MaxAttempts }),
	}, {
		Name: "BISECT", Default: "true",
		Doc:  "Whether a chunk that failed twice is halved, again and again, until the items that make it fail stand alone: only those are dead in the end.",
		rule: boolean(func(s *Settings) *bool { return &s.Bisect }),
	}, {
		Name: "MAX_DEAD", Default: "0",
		Doc:  "Number of dead and failed items (500), or share of the items that were tried (1%), at which a file is paused: nothing new of it is begun until it is below. 0 means never.",
		rule: deadLimit(func(s *Settings) *messages.DeadLimit { return &s.MaxDead }),
	}, {
		Name: "PREFETCH", Default: "auto",
		Doc:  "Number of chunks queued at a native worker, so that it never waits: auto means about 50 ms of its work, 1 to 64 chunks and at most 1 MiB; 0 means none.",
		rule: wholeOrAuto(0, 64, "chunks", func(s *Settings) *int { return &s.Prefetch }),
	}, {
		Name: "BACKUP", Default: "false",
		Doc:  "Whether an idle worker also runs the chunk that takes more than three times the median of its file, when nothing else is left: true means native workers, all means classic ones too. The first result counts.",
		rule: oneOf(func(s *Settings) *string { return &s.Backup }, "false", "true", "all"),
	}}
}

func workerVariables() []Variable {
	return []Variable{{
		Name: "EMBEDDED_WORKERS", Default: "4", derive: embeddedWorkers,
		Doc:  "Number of workers in this process, only with the embedded broker.",
		rule: whole(0, 64, "", func(s *Settings) *int { return &s.EmbeddedWorkers }),
	}, {
		Name: "WORKER_ID",
		Doc:  "Name of the worker that `kafka-master worker` runs; if not set, one that it stores on disk.",
		rule: label(messages.MaxWorkerID, func(s *Settings) *string { return &s.WorkerID }),
	}, {
		Name: "WORKER_PARTITION",
		Doc:  "Partition that the worker reads; if not set, one that is derived from its name.",
		rule: rule{"a whole number from 0 to 99,999", setWorkerPartition},
	}}
}

func setWorkerPartition(s *Settings, text string) error {
	n := new(int)
	err := whole(0, messages.MaxPartitions-1, "", func(*Settings) *int { return n }).set(s, text)
	if err == nil {
		s.WorkerPartition = n
	}
	return err
}

func embeddedWorkers(s *Settings) string {
	if s.EmbeddedBroker() {
		return "4"
	}
	return "0"
}

// hostName returns the name of this machine, or a fixed name if it cannot be that of a
// master.
func hostName(*Settings) string {
	name, err := os.Hostname()
	if err != nil || messages.WorkerID(name).Validate() != nil {
		return "master"
	}
	return name
}
