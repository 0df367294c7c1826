package httpapi

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

func TestTopicsGolden(t *testing.T) {
	t.Parallel()
	f := newFake()
	f.workers = []messages.WorkerStatus{
		{ID: "a", Kind: messages.Native, State: messages.WorkerFree, Partitions: []int32{0, 2}},
		{ID: "b", Kind: messages.Classic, State: messages.WorkerBusy, Partitions: []int32{0, 1}},
		{ID: "c", Kind: messages.Native, State: messages.WorkerLost, Partitions: []int32{3}},
		{ID: "d", Kind: messages.Native, State: messages.WorkerBusy, Partitions: []int32{2}},
	}
	got := start(t, Config{Asker: f})(http.MethodGet, "/api/v1/topics")
	require.Equal(t, http.StatusOK, got.status, got.body)
	require.Equal(t, `{"total":2,"topics":[{"name":"master-signal","use":"chunks","group":"g","partition_count":4,"lag":10,"without_worker":1,"without_leader":1,"error":"partition 1 does not answer","partitions":[`+
		`{"partition":0,"leader":1,"begin_offset":0,"end_offset":30,"committed":20,"lag":10,"workers":["a","b"],"worker_count":2},`+
		`{"partition":1,"leader":null,"begin_offset":null,"end_offset":null,"committed":null,"lag":null,"workers":["b"],"worker_count":1},`+
		`{"partition":2,"leader":2,"begin_offset":5,"end_offset":7,"committed":null,"lag":null,"workers":["d"],"worker_count":1},`+
		`{"partition":3,"leader":2,"begin_offset":0,"end_offset":0,"committed":null,"lag":null,"workers":[],"worker_count":0}]},`+
		`{"name":"master-heartbeat","use":"masters","group":"","partition_count":1,"lag":null,"without_worker":0,"without_leader":0,"error":"","partitions":[`+
		`{"partition":0,"leader":1,"begin_offset":0,"end_offset":9,"committed":null,"lag":null,"workers":[],"worker_count":0}]}]}`, got.body)
}

// A topic may have ten thousand partitions, and a partition as many workers.
func TestTopicsAreBounded(t *testing.T) {
	t.Parallel()
	workers := make([]messages.WorkerStatus, 2*maxReaders)
	for i := range workers {
		workers[i] = messages.WorkerStatus{ID: messages.WorkerID(rune('a' + i)), Partitions: []int32{0}}
	}
	d := messages.TopicDetail{Use: "chunks", Partitions: make([]messages.PartitionDetail, messages.MaxTopicPartitions)}
	got := showTopic(d, readers(d, workers))
	require.Len(t, got.Partitions, maxPartitions)
	require.Equal(t, messages.MaxTopicPartitions, got.PartitionCount)
	require.Equal(t, messages.MaxTopicPartitions-1, got.WithoutWorker)
	require.Len(t, got.Partitions[0].Workers, maxReaders)
	require.Equal(t, 2*maxReaders, got.Partitions[0].WorkerCount)
}
