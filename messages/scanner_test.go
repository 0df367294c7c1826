package messages

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// scannedMessages are messages that the scanner can parse, and others that differ a
// little.
var scannedMessages = []string{
	`{"id":"w-1","batchId":"ips_chunk_4_a2","deployment":"J6QK2","term":12,"attempt":2,"file":"ips.txt","generation":1,"first_line":2001,"lines":9,"data":["10.0.0.1","::1","say \"hi\"\\","\u00e9\ufffd"]}`,
	`{"batchId":"c_chunk_0","lines":9,"gaps":[[0,2],[3,1]],"data":["a"]}`, `{"gaps": [ [0 , 2] ] , "lines": 9}`, `{"gaps":[]}`, `{"gaps":null}`, `{"gaps":[[1]]}`, `{"gaps":[[1,2,3]]}`,
	`{"gaps":[[-1,-2]]}`, `{"gaps":[[1,2],]}`, `{"gaps":[[1.5,2]]}`, `{"gaps":[["1",2]]}`, `{"gaps":{}}`, `{"gaps":7}`, `{"gaps":[[1,9223372036854775807]]}`, `{"gaps":[[1,2]],"gaps":[[3,4]]}`,
	`{"id": "b", "batchId": "c_chunk_0", "data": []}`, `{"id":"b","data":["]","[\"a]"]}`,
	`{"id":"a","ID":"b"}`, `{"id":"a","id":"b"}`, `{"data":["a"],"data":["b","c"]}`, `{"data":null}`, `{"data":["a",]}`, `{"data":["a" "b"]}`,
	`{"term":-1}`, `{"term":01}`, `{"term":1.0}`, `{"term":1e3}`, `{"term":18446744073709551615}`, `{"attempt":-0}`, `{"term":-0}`, `{"attempt":9223372036854775807}`,
	`{"id":"\ud83d\ude00"}`, `{"id":"\ud83d"}`, `{"id":"\x"}`, `{"id":"\u12"}`, `{"id":"` + "\xff" + `"}`, `{"id":"` + "\x01" + `"}`, `{"id":"a`, `{"id":"a"} x`, `{"id":"a"}}`,
	`{}`, ` {} `, ``, `null`, `[]`, `{"id"}`, `{"id":}`, `{,}`, `{"id":"a",}`, "\t{\"id\"\n:\r\"a\" , \"attempt\" : 3 }\n", `{"id":"a","unknown":{"x":[1]}}`,
	`{"status":"new","id":"x","partitions":[1,2,3]}`, `{"status":"new","id":"x","partitions":[2147483648]}`, `{"status":"new","id":"x","partitions":null}`,
	`{"id":"x","batchId":"b","processing":17,"total":500,"attempt":2,"result":"failed","error":"a\nb\u001b[31m"}`, `{"id":"x","processing":null,"total":1}`,
	`{"id":"w","incarnation":"1-r","recall":["a_chunk_1","b"]}`, `{"recall":true}`, `{"recall": false }`, `{"recall":truex}`, `{"recall":tru`, `{"recall":"true"}`, `{"recall":[]}`, `{"recall":["a"],"stop":true}`, `{"stop":1}`,
	`{"status":"heartbeat","id":"w","partitions":[7],"protocol":2,"incarnation":"17-5f","capacity":4,"version":"v1","running":["a"],"queued":[],"next":41,"note":"no \/ disk"}`,
	`{"failed":3,"failed_items":[[1,2],[4,4]],"output_lines":7}`, `{"failed": 3 , "failed_items": [ [ 1 , 2 ] ], "output_lines": 0}`, `{"failed":-1,"failed_items":[]}`,
	`{"failed":1.5}`, `{"failed":true}`, `{"failed":"3"}`, `{"failed":null}`, `{"failed_items":[[1]]}`, `{"failed_items":[[1,2,3]]}`, `{"failed_items":[1,2]}`, `{"failed_items":[[1,2],]}`,
	`{"failed":[[1,2]],"failed_items":4}`, `{"failed":}`, `{"failed_items":[[`, `{"output_lines":01}`,
}

// sameAsJSON checks that the scanner declines a text or agrees with encoding/json.
func sameAsJSON[T any](t require.TestingT, value []byte, read func([]byte) (T, bool)) {
	got, ok := read(value)
	if !ok {
		return
	}
	var want T
	require.NoError(t, json.Unmarshal(value, &want), "%q", value)
	require.Equal(t, want, got, "%q", value)
}

func TestScannerAgreesWithJSON(t *testing.T) {
	t.Parallel()
	for _, text := range scannedMessages {
		sameAsJSON(t, []byte(text), scanChunk)
		sameAsJSON(t, []byte(text), scanSignal)
	}
}

func TestScannerReadsWhatWeSend(t *testing.T) {
	t.Parallel()
	lines := []byte(strings.Repeat("10.0.0.1\nsay \"hi\"\n\té\n", 100))
	_, ok := scanChunk(AppendChunk(nil, ChunkHeader{Worker: "w", BatchID: "a_chunk_1", Deployment: "D", Term: 1, Attempt: 1, File: "a.txt", Generation: 1, FirstLine: 1}, lines))
	require.True(t, ok)
	for _, s := range []Signal{
		native(Signal{Kind: SignalHeartbeat, Running: []string{"a"}, Queued: []string{"b"}, Next: 3, Note: "disk full", Recalls: true}),
		{Kind: SignalAnnounce, Worker: "x", Partitions: []int32{3}},
		{Kind: SignalProgress, Worker: "x", BatchID: "b", Processing: 1, Total: 2, Attempt: 1, Outcome: OutcomeFailed, Error: "exit status 1\nno"},
		{Kind: SignalProgress, Worker: "x", BatchID: "b", Processing: 9, Total: 9, Protocol: 2, Outcome: OutcomeOK, FailedItems: 2, FailedRanges: []ItemRange{{1, 2}}, Recorded: true},
	} {
		_, ok := scanSignal(s.Encode())
		require.True(t, ok, "%s", s.Encode())
	}
	m, ok := scanChunk(Recall{Worker: "w", Deployment: "D", Incarnation: "1-r", BatchIDs: []string{"a_chunk_1"}}.Encode())
	require.True(t, ok)
	require.True(t, m.IsRecall())
	// json.dumps of Python puts a space after colons and commas.
	_, ok = scanSignal([]byte(`{"id": "x", "batchId": "b", "processing": 1, "total": 2}`))
	require.True(t, ok)
}

func FuzzScanner(f *testing.F) {
	for _, text := range scannedMessages {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		sameAsJSON(t, value, scanChunk)
		sameAsJSON(t, value, scanSignal)
	})
}

func BenchmarkDecodeChunk(b *testing.B) {
	lines := []byte(strings.Repeat("10.20.30.40\n", 500))
	value := AppendChunk(nil, ChunkHeader{Worker: "w", BatchID: "a_chunk_1", Deployment: "J6QK2", Term: 1, Attempt: 1, File: "a.txt", Generation: 1, FirstLine: 1}, lines)
	b.Run("scanner", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := DecodeChunk(value); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var m ChunkMessage
			if err := json.Unmarshal(value, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkDecodeSignal(b *testing.B) {
	value := Signal{Kind: SignalProgress, Worker: "embedded-1", BatchID: "ips_chunk_4711", Processing: 500, Total: 500, Attempt: 1, Outcome: OutcomeOK}.Encode()
	b.Run("scanner", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, ok := scanSignal(value); !ok {
				b.Fatal("declined")
			}
		}
	})
	b.Run("encoding-json", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			var w wireSignal
			if err := json.Unmarshal(value, &w); err != nil {
				b.Fatal(err)
			}
		}
	})
}
