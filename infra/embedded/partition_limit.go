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
	// filesPerPartition is what kfake keeps open: the newest segment and its index.
	filesPerPartition = 2
	// filesBeside is what the process needs for everything else: connections of
	// clients, the API, the input folder, results.
	filesBeside = 256
	// maxPartitions bounds the partitions of all topics together, whatever the
	// process may open: each costs memory and a place in every look.
	maxPartitions = 20_000
	// maxConnections bounds the clients of one broker in the same way.
	maxConnections = 10_000
)

// ErrFewFiles says that the process may not open as many files as the partitions
// need.
var ErrFewFiles = errors.New("too few open files are allowed")

// room is how many partitions this broker takes.
type room struct {
	dir  string // empty in memory
	most int
}

func newRoom(dir string, files uint64) room {
	r := room{dir: dir, most: maxPartitions}
	if dir != "" && files < maxPartitions*filesPerPartition+filesBeside {
		r.most = max(0, (int(files)-filesBeside)/filesPerPartition)
	}
	return r
}

// check refuses to start with more partitions than can be kept open. planned is
// how many the caller is going to make.
func (r room) check(planned int) error {
	have, err := r.partitions()
	if err != nil {
		return err
	}
	if n := max(have, planned); n > r.most {
		return fmt.Errorf("%w: %d partitions need %d: raise the limit (ulimit -n, LimitNOFILE of systemd, ulimits of compose), "+
			"or set KAFKA_PARTITIONS to %d or less and delete the folder %s", ErrFewFiles, n, n*filesPerPartition+filesBeside, max(0, r.most-otherPartitions), r.dir)
	}
	return nil
}

// otherPartitions are those of the topics beside the chunk topic.
const otherPartitions = 3

// partitions is how many there are, all topics together.
func (r room) partitions() (n int, err error) {
	topics, err := r.topics()
	for _, partitions := range topics {
		n += partitions
	}
	return n, err
}

// topics are the topics and their partitions, as kfake has stored them.
func (r room) topics() (map[string]int, error) {
	if r.dir == "" {
		return nil, nil
	}
	text, err := os.ReadFile(filepath.Join(r.dir, topicsName))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("count partitions: %w", err)
	}
	var stored struct {
		Topics []struct {
			Name       string `json:"name"`
			Partitions int    `json:"partitions"`
		} `json:"topics"`
	}
	if err := json.Unmarshal(text, &stored); err != nil {
		return nil, fmt.Errorf("%s: %w", topicsName, err)
	}
	topics := make(map[string]int, len(stored.Topics))
	for _, t := range stored.Topics {
		if t.Partitions < 0 || t.Partitions > maxPartitions {
			return nil, fmt.Errorf("%s: topic %.64q has %d partitions", topicsName, t.Name, t.Partitions)
		}
		topics[t.Name] = t.Partitions
	}
	return topics, nil
}

// guardTopics makes the cluster refuse topics and partitions beyond the room.
func (r room) guardTopics(c *kfake.Cluster) {
	c.ControlKey(int16(kmsg.CreateTopics), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return r.createTopics(req.(*kmsg.CreateTopicsRequest))
	})
	c.ControlKey(int16(kmsg.CreatePartitions), func(req kmsg.Request) (kmsg.Response, error, bool) {
		c.KeepControl()
		return r.createPartitions(req.(*kmsg.CreatePartitionsRequest))
	})
}

// refusal is why the wanted partitions of these topics are too many, nil when
// they are not. A topic that exists needs what it lacks.
func (r room) refusal(wanted map[string]int) *string {
	topics, err := r.topics()
	have, more := 0, 0
	for _, n := range topics {
		have += n
	}
	for name, n := range wanted {
		more += max(0, n-topics[name])
	}
	if err == nil && have+more <= r.most {
		return nil
	}
	text := fmt.Sprintf("%d more partitions are too many: there are %d, and this broker takes %d", more, have, r.most)
	return &text
}

func (r room) createTopics(req *kmsg.CreateTopicsRequest) (kmsg.Response, error, bool) {
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

func (r room) createPartitions(req *kmsg.CreatePartitionsRequest) (kmsg.Response, error, bool) {
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
