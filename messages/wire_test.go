package messages

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

var update = flag.Bool("update", false, "write the golden files")

// golden compares a message with testdata/<name>.json.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name+".json")
	if *update {
		require.NoError(t, os.WriteFile(path, append(got, '\n'), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, strings.TrimSpace(string(want)), string(got))
}

func native(s Signal) Signal {
	s.Worker, s.Protocol, s.Incarnation = "w-1", 2, Incarnation{StartMS: 1700000000000, Random: "5f3a"}
	s.Partitions, s.Capacity, s.Version = []int32{7}, 4, "v1.2.3"
	if s.Next == 0 {
		s.Next = UnknownOffset
	}
	return s
}

func TestSignalsAreGolden(t *testing.T) {
	t.Parallel()
	const uuid = "0b7c1a52-4c0c-4f1e-9a52-6f0d1a3f6d11"
	cases := map[string]Signal{
		"classic_new":      {Kind: SignalAnnounce, Worker: uuid, Partitions: []int32{3, 7}, Next: UnknownOffset},
		"classic_new_none": {Kind: SignalAnnounce, Worker: uuid, Partitions: []int32{}, Next: UnknownOffset},
		"classic_done":     {Kind: SignalDone, Worker: uuid, Next: UnknownOffset},
		"classic_progress": {Kind: SignalProgress, Worker: uuid, BatchID: "ips_chunk_4", Processing: 17, Total: 500, Next: UnknownOffset},
		"native_new":       native(Signal{Kind: SignalAnnounce, Recalls: true}),
		"native_heartbeat": native(Signal{Kind: SignalHeartbeat, Running: []string{"ips_chunk_4"}, Queued: []string{"ips_chunk_9_g2_a3"}, Next: 41, Recalls: true}),
		"native_unfit":     native(Signal{Kind: SignalHeartbeat, Note: "/opt/scan.sh: no such file"}),
		"native_draining":  native(Signal{Kind: SignalDraining}),
		"native_bye":       native(Signal{Kind: SignalBye}),
		"native_ok":        {Kind: SignalProgress, Worker: "w-1", BatchID: "ips_chunk_4_a2", Processing: 500, Total: 500, Attempt: 2, Outcome: OutcomeOK, Deployment: "J6QK2", Offset: 30500, Hash: "44bc2cf5ad770999", Next: UnknownOffset},
		"native_failed_items": {Kind: SignalProgress, Worker: "w-1", Protocol: 2, BatchID: "ips_chunk_4", Processing: 500, Total: 500, Attempt: 1, Outcome: OutcomeOK,
			FailedItems: 9, FailedRanges: []ItemRange{{3, 3}, {10, 17}}, Recorded: true, OutputLines: 491, Next: UnknownOffset},
		"native_recalled": {Kind: SignalProgress, Worker: "w-1", BatchID: "ips_chunk_9_g2_a3", Total: 500, Attempt: 3, Outcome: OutcomeRetry, Error: TextRecalled, Next: UnknownOffset},
		"native_failed":   {Kind: SignalProgress, Worker: "w-1", BatchID: "ips_chunk_4", Processing: 3, Total: 500, Attempt: 1, Outcome: OutcomeFailed, Error: "exit status 1", Next: UnknownOffset},
	}
	for name, s := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			golden(t, name, s.Encode())
			back, err := DecodeSignal(s.Encode())
			require.NoError(t, err)
			require.Equal(t, s, back)
		})
	}
}

func TestChunkAndHeartbeatAreGolden(t *testing.T) {
	t.Parallel()
	golden(t, "chunk", AppendChunk(nil, ChunkHeader{
		Worker: "w-1", BatchID: "ips_chunk_4_a2", Deployment: "J6QK2", Incarnation: Incarnation{StartMS: 1700000000000, Random: "5f3a"}, Term: 12, Attempt: 2, File: "ips.txt", Generation: 1, FirstLine: 2001, Range: ByteRange{Offset: 30500, Length: 28, Hash: 0x44bc2cf5ad770999},
	}, []byte("10.0.0.1\r\n::1\nsay \"hi\"\\\n\xff\n")))
	golden(t, "chunk_with_blank_lines", AppendChunk(nil, ChunkHeader{Worker: "w-1", BatchID: "ips_chunk_4", Term: 12, Attempt: 1, File: "ips.txt", Generation: 1, FirstLine: 2001, Lines: 7}, []byte("10.0.0.1\n::1\n")))
	golden(t, "chunk_with_gaps", AppendChunk(nil, ChunkHeader{Worker: "w-1", BatchID: "ips_chunk_4", Term: 12, Attempt: 1, File: "ips.txt", Generation: 1, FirstLine: 2001, Lines: 7, Gaps: []Gap{{0, 2}, {1, 1}, {2, 2}}}, []byte("10.0.0.1\n::1\n")))
	golden(t, "recall_stop", Recall{Worker: "w-1", Deployment: "J6QK2", Incarnation: "1700000000000-5f3a", BatchIDs: []string{"ips_chunk_4"}, Stop: true}.Encode())
	golden(t, "recall", Recall{Worker: "w-1", Deployment: "J6QK2", Incarnation: "1700000000000-5f3a", BatchIDs: []string{"ips_chunk_9_g2_a3"}}.Encode())
	golden(t, "master_heartbeat", MasterHeartbeat{MasterID: "m-1", Role: "leader", Term: 12, API: "10.0.0.5:3001", Deployment: "J6QK2", TS: "2026-11-25T12:00:00Z"}.Encode())
}

func TestBadSignals(t *testing.T) {
	t.Parallel()
	cases := map[string]string{
		"empty": "", "no json": "{", "null": "null", "list": "[]", "no id": `{"status":"new"}`, "empty id": `{"id":"","status":"new"}`,
		"long id": `{"id":"` + strings.Repeat("x", 129) + `","status":"done"}`, "unprintable id": `{"id":"a\nb","status":"done"}`,
		"unknown status": `{"id":"a","status":"dance"}`, "status progress": `{"id":"a","status":"progress"}`,
		"negative partition": `{"id":"a","status":"new","partitions":[-1]}`, "huge partition": `{"id":"a","status":"new","partitions":[3000000000]}`,
		"partitions no list": `{"id":"a","status":"new","partitions":3}`, "no total": `{"id":"a","batchId":"b","processing":1}`,
		"processing > total": `{"id":"a","batchId":"b","processing":3,"total":2}`, "negative": `{"id":"a","batchId":"b","processing":-1,"total":2}`,
		"not whole": `{"id":"a","batchId":"b","processing":1.5,"total":2}`, "giant number": `{"id":"a","batchId":"b","processing":1,"total":1e400}`,
		"giant total": `{"id":"a","batchId":"b","processing":1,"total":9007199254740993}`, "no batchId": `{"id":"a","processing":1,"total":2}`,
		"long batchId": `{"id":"a","batchId":"` + strings.Repeat("b", 256) + `","processing":1,"total":2}`,
		"odd result":   `{"id":"a","batchId":"b","processing":1,"total":2,"result":"maybe"}`, "odd incarnation": `{"id":"a","status":"new","incarnation":"x"}`,
		"capacity": `{"id":"a","status":"new","capacity":-1}`, "deep": strings.Repeat("[", 100_000), "too large": strings.Repeat(" ", MaxSignalBytes+1),
	}
	for name, text := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := DecodeSignal([]byte(text))
			require.ErrorIs(t, err, ErrBadSignal)
			require.Less(t, len(err.Error()), 400, "errors are logged: they must stay short")
		})
	}
}

func TestSignalsOfOthersAreRead(t *testing.T) {
	t.Parallel()
	s, err := DecodeSignal([]byte(`{"status":"new","id":"x","partitions":null,"color":"blue"}`))
	require.NoError(t, err)
	require.Empty(t, s.Partitions)
	s, err = DecodeSignal([]byte(`{"id":"x","batchId":"b","processing":0,"total":0,"error":"` + strings.Repeat("é", MaxErrorText) + `"}`))
	require.NoError(t, err)
	require.LessOrEqual(t, len(s.Error), MaxErrorText)
	require.True(t, s.Final())
}

func FuzzDecodeSignal(f *testing.F) {
	for _, s := range []string{`{"status":"new","id":"a","partitions":[1]}`, `{"id":"a","batchId":"b","processing":1,"total":2}`, `{"id":"a","status":"heartbeat","incarnation":"1-a","next":3}`,
		`{"id":"a","batchId":"b","processing":9,"total":9,"protocol":2,"result":"ok","failed":3,"failed_items":[[1,2],[4,4]],"output_lines":0}`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		s, err := DecodeSignal(value)
		if err != nil {
			require.ErrorIs(t, err, ErrBadSignal)
			return
		}
		require.NoError(t, s.Worker.Validate())
		back, err := DecodeSignal(s.Encode())
		require.NoError(t, err, "%s", s.Encode())
		require.Equal(t, s.BatchID, back.BatchID)
		require.Equal(t, s.Kind, back.Kind)
		require.Equal(t, s.Final(), back.Final())
		require.Equal(t, s.FailedItems, back.FailedItems)
		require.Equal(t, s.FailedRanges, back.FailedRanges)
		require.Equal(t, s.OutputLines, back.OutputLines)
	})
}

func FuzzDecodeChunk(f *testing.F) {
	f.Add([]byte(`{"id":"a","batchId":"b","data":["x"]}`))
	f.Fuzz(func(t *testing.T, value []byte) {
		if m, err := DecodeChunk(value); err == nil {
			_, err := json.Marshal(m)
			require.NoError(t, err)
		}
	})
}

// The error about a bad message is short, whatever the message contains.
func TestBadSignalsHaveShortErrors(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("7", 700_000)
	for _, bad := range []string{
		`{"id":"w","status":"heartbeat","capacity":` + long + `}`, `{"id":"w","batchId":"b","processing":` + long + `,"total":1}`,
		`{"id":"w","status":"` + long + `"}`, `{"id":"` + long + `","status":"new"}`, `{"id":"w","status":"new","incarnation":"` + long + `"}`,
		`{"id":"w","batchId":"b","processing":0,"total":1,"result":"` + long + `"}`, `{"` + long + `":}`,
	} {
		_, err := DecodeSignal([]byte(bad))
		require.ErrorIs(t, err, ErrBadSignal)
		require.Less(t, len(err.Error()), 600, "%.60s", bad)
	}
}

func TestCapacityIsBounded(t *testing.T) {
	t.Parallel()
	for said, want := range map[int]int{1: 1, 1000: 1000, 1001: MaxCapacity, 10_000: MaxCapacity} {
		s, err := DecodeSignal(fmt.Appendf(nil, `{"id":"w","status":"new","protocol":2,"partitions":[1],"capacity":%d}`, said))
		require.NoError(t, err)
		require.Equal(t, want, s.Capacity)
	}
}
