package settings

import (
	"os"
	"time"

	"kafka-master/messages"
)

func workVariables() []Variable {
	return []Variable{{
		Name: "MASTER_ID", Default: "the host name", derive: hostName,
		Doc:  "Name of this master; masters that work together need different ones.",
		rule: label(messages.MaxWorkerID, func(s *Settings) *string { return &s.MasterID }),
	}, {
		Name: "BATCH_SIZE", Default: "500",
		Doc:  "Most items of a chunk; can be changed over the API while it runs.",
		rule: whole(1, 1_000_000, "items", func(s *Settings) *int { return &s.BatchSize }),
	}, {
		Name: "WORKER_TIMEOUT", Default: "60",
		Doc:  "How long a busy worker may be silent before its chunk goes to another one.",
		rule: duration(time.Second, 24*time.Hour, func(s *Settings) *time.Duration { return &s.WorkerTimeout }),
	}, {
		Name: "MAX_ATTEMPTS", Default: "5",
		Doc:  "Failures after which a chunk is put aside.",
		rule: whole(1, 100, "", func(s *Settings) *int { return &s.MaxAttempts }),
	}, {
		Name: "PREFETCH", Default: "auto",
		Doc:  "Chunks queued ahead at a worker of ours, so that it never waits: auto queues about 50 ms of the worker's own work, 1 to 64 chunks and at most 1 MiB; a number is fixed, 0 is none.",
		rule: wholeOrAuto(0, 64, "chunks", func(s *Settings) *int { return &s.Prefetch }),
	}}
}

func workerVariables() []Variable {
	return []Variable{{
		Name: "EMBEDDED_WORKERS", Default: "4", derive: embeddedWorkers,
		Doc:  "Workers in this process, only with the embedded broker; 0 is none.",
		rule: whole(0, 64, "", func(s *Settings) *int { return &s.EmbeddedWorkers }),
	}, {
		Name: "WORKER_ID",
		Doc:  "Name of the worker that `kafka-master worker` runs; none means one that it keeps on disk.",
		rule: label(messages.MaxWorkerID, func(s *Settings) *string { return &s.WorkerID }),
	}, {
		Name: "WORKER_PARTITION",
		Doc:  "Partition that the worker reads; none means one that follows from its name.",
		rule: rule{"a whole number from 0 to 99,999", setWorkerPartition},
	}}
}

func setWorkerPartition(s *Settings, text string) error {
	n := new(int)
	err := whole(0, 99_999, "", func(*Settings) *int { return n }).set(s, text)
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

// hostName is the name of this machine. One that cannot be a name of a master is
// as good as none: nobody chose it.
func hostName(*Settings) string {
	name, err := os.Hostname()
	if err != nil || messages.WorkerID(name).Validate() != nil {
		return "master"
	}
	return name
}
