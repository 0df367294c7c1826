package actors

import (
	"fmt"

	"kafka-master/actors/cutter"
	"kafka-master/messages"
)

// testFile makes a file of n chunks of 10 bytes and 2 items each.
func testFile(id messages.FileID, chunks int) messages.File {
	return messages.File{
		ID: id, Generation: 1, Base: fmt.Sprintf("f%d", id), State: messages.FileRunning,
		Info: messages.FileInfo{Path: fmt.Sprintf("f%d.txt", id), Size: int64(10 * chunks)}, Cursor: messages.Cursor{Line: 1},
	}
}

// testCut makes a chunk of such a file.
func testCut(id messages.FileID, index int) cutter.Cut {
	return cutter.Cut{Chunk: messages.Chunk{
		ID: messages.ChunkID{File: id, Index: index}, Offset: int64(10 * index), Length: 10,
		FirstLine: int64(2*index + 1), Lines: 2, Items: 2, Hash: uint64(index)*7 + uint64(id),
	}, Text: []byte("a\nb\n")}
}
