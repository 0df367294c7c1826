package messages

import (
	"encoding/json"
	"reflect"
	"testing"

	"pgregory.net/rapid"
)

func TestBooksRoundTrip(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := Books{File: drawFile(t), Deployment: rapid.StringMatching("[A-Z0-9]*").Draw(t, "deployment")}
		for range rapid.IntRange(0, 3).Draw(t, "chunks") {
			c := drawChunk(t)
			c.ID.File = want.ID
			want.Chunks = append(want.Chunks, c)
		}
		text, err := json.Marshal(want)
		if err != nil {
			t.Fatal(err)
		}
		var got Books
		if err := json.Unmarshal(text, &got); err != nil {
			t.Fatal(err)
		}
		if !reflect.DeepEqual(want, got) {
			t.Fatalf("want %+v, got %+v", want, got)
		}
	})
}

func TestBooksOfAState(t *testing.T) {
	t.Parallel()
	s := Snapshot{
		Files:  []*File{{ID: 1}, {ID: 3}},
		Chunks: []OpenChunk{{Chunk: Chunk{ID: ChunkID{File: 3, Index: 1}}}, {Chunk: Chunk{ID: ChunkID{File: 3, Index: 2}}}, {Chunk: Chunk{ID: ChunkID{File: 7}}}},
		Values: map[string]string{ValueDeployment: "J6QK2"},
	}
	want := []Books{{File: *s.Files[0], Deployment: "J6QK2"}, {File: *s.Files[1], Deployment: "J6QK2", Chunks: s.Chunks[:2]}}
	if got := BooksOf(s); !reflect.DeepEqual(want, got) {
		t.Fatalf("want %+v, got %+v", want, got)
	}
}
