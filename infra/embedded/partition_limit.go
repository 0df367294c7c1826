package embedded

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kmsg"
)

const (
	// filesPerPartition is the number of files that kfake keeps open for a partition: the
	// newest segment and its index.
	filesPerPartition = 2
	// otherFiles is the number of files that the process needs for everything else:
	// connections of clients, the API, the input folder, results.
	otherFiles = 256
	// maxPartitions bounds the partitions of all topics together, however many files the
	// process may open, since each partition costs memory and time.
	maxPartitions = 20_000
	// maxConnections bounds the clients of one broker.
	maxConnections = 10_000
)

// ErrFewFiles is the error of a process that may not open as many files as the partitions
// need.
var ErrFewFiles = errors.New("too few open files are allowed")

// partitionLimit bounds the partitions of a broker.
type partitionLimit struct {
	dir string // data folder, empty if the broker keeps everything in memory
	max int    // largest number of partitions of all topics together
}

func newPartitionLimit(dir string, files uint64) partitionLimit {
	r := partitionLimit{dir: dir, max: maxPartitions}
	if dir != "" && files < maxPartitions*filesPerPartition+otherFiles {
		r.max = max(0, (int(files)-otherFiles)/filesPerPartition)
	}
	return r
}

// check returns an error if the stored partitions, or the planned ones of the caller, are
// too many.
func (r partitionLimit) check(planned int) error {
	_, have, err := r.topics()
	if err != nil {
		return err
	}
	if n := max(have, planned); n > r.max {
		return fmt.Errorf("%w: %d partitions need %d: raise the limit (ulimit -n, LimitNOFILE of systemd, ulimits of compose), "+
			"or set KAFKA_PARTITIONS to %d or less and delete the folder %s", ErrFewFiles, n, n*filesPerPartition+otherFiles, max(0, r.max-otherPartitions), r.dir)
	}
	return nil
}

// otherPartitions is the number of partitions of all topics except for the chunk topic.
const otherPartitions = 3

// topics returns the stored topics with their numbers of partitions, and the sum of these.
func (r partitionLimit) topics() (topics map[string]int, sum int, err error) {
	if r.dir == "" {
		return nil, 0, nil
	}
	text, err := os.ReadFile(filepath.Join(r.dir, topicsName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, 0, nil
	}
	if err != nil {
		return nil, 0, fmt.Errorf("count partitions: %w", err)
	}
	var stored struct {
		Topics []struct {
			Name       string `json:"name"`
			Partitions int    `json:"partitions"`
		} `json:"topics"`
	}
	if err := json.Unmarshal(text, &stored); err != nil {
		return nil, 0, fmt.Errorf("%s: %w", topicsName, err)
	}
	topics = make(map[string]int, len(stored.Topics))
	for _, t := range stored.Topics {
		if t.Partitions < 0 || t.Partitions > maxPartitions {
			return nil, 0, fmt.Errorf("%s: topic %.64q has %d partitions", topicsName, t.Name, t.Partitions)
		}
		topics[t.Name] = t.Partitions
		sum += t.Partitions
	}
	return topics, sum, nil
}

// limitTopics makes the cluster refuse topics and partitions beyond the limit.
func (r partitionLimit) limitTopics(c *kfake.Cluster) {
	c.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return r.createTopics(req.(*kmsg.CreateTopicsRequest))
	})
	c.ControlKey(int16(kmsg.CreatePartitions), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return r.createPartitions(req.(*kmsg.CreatePartitionsRequest))
	})
}

// refusal returns why the wanted partitions of these topics are too many, or nil. Of an
// existing topic only the additional partitions count.
func (r partitionLimit) refusal(wanted map[string]int) *string {
	topics, have, err := r.topics()
	more := 0
	for name, n := range wanted {
		more += max(0, n-topics[name])
	}
	if err == nil && have+more <= r.max {
		return nil
	}
	text := fmt.Sprintf("%d more partitions are too many: there are %d, and this broker allows %d", more, have, r.max)
	return &text
}

func (r partitionLimit) createTopics(req *kmsg.CreateTopicsRequest) (kmsg.Response, error, bool) {
	wanted := map[string]int{}
	for _, t := range req.Topics {
		wanted[t.Topic] = max(1, int(t.NumPartitions), len(t.ReplicaAssignment))
	}
	text := r.refusal(wanted)
	if text == nil {
		return nil, nil, false
	}
	res := req.ResponseKind().(*kmsg.CreateTopicsResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewCreateTopicsResponseTopic()
		rt.Topic, rt.ErrorCode, rt.ErrorMessage = t.Topic, kerr.PolicyViolation.Code, text
		res.Topics = append(res.Topics, rt)
	}
	return res, nil, true
}

func (r partitionLimit) createPartitions(req *kmsg.CreatePartitionsRequest) (kmsg.Response, error, bool) {
	wanted := map[string]int{}
	for _, t := range req.Topics {
		wanted[t.Topic] = int(t.Count)
	}
	text := r.refusal(wanted)
	if text == nil {
		return nil, nil, false
	}
	res := req.ResponseKind().(*kmsg.CreatePartitionsResponse)
	for _, t := range req.Topics {
		rt := kmsg.NewCreatePartitionsResponseTopic()
		rt.Topic, rt.ErrorCode, rt.ErrorMessage = t.Topic, kerr.PolicyViolation.Code, text
		res.Topics = append(res.Topics, rt)
	}
	return res, nil, true
}
