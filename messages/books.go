package messages

import (
	"encoding/json"
	"fmt"
)

// Books is everything that the state holds about one version of a file.
type Books struct {
	File
	Deployment string      // random id of the state
	Chunks     []OpenChunk // chunks that are open, dead, or done with failed items, in order
}

// BooksOf returns the books of every version in a state, oldest first.
func BooksOf(s Snapshot) []Books {
	list := make([]Books, len(s.Files))
	at := make(map[FileID]*Books, len(s.Files))
	for i, f := range s.Files {
		list[i] = Books{File: *f, Deployment: s.Values[ValueDeployment]}
		at[f.ID] = &list[i]
	}
	for _, c := range s.Chunks {
		if b := at[c.ID.File]; b != nil {
			b.Chunks = append(b.Chunks, c)
		}
	}
	return list
}

// booksBody is Books as the API shows them: the records as the store holds them, so that
// nothing is lost or rounded on the way.
type booksBody struct {
	ID         FileID          `json:"id"`
	Deployment string          `json:"deployment"`
	File       json.RawMessage `json:"file"`
	Chunks     []chunkBody     `json:"chunks"`
}

type chunkBody struct {
	Key    string `json:"key"`
	Record []byte `json:"record"` // in base64
}

// MarshalJSON implements json.Marshaler.
func (b Books) MarshalJSON() ([]byte, error) {
	body := booksBody{ID: b.ID, Deployment: b.Deployment, File: b.EncodeRecord(), Chunks: make([]chunkBody, len(b.Chunks))}
	for i, c := range b.Chunks {
		body.Chunks[i] = chunkBody{c.ID.Key(), c.EncodeRecord()}
	}
	return json.Marshal(body)
}

// UnmarshalJSON implements json.Unmarshaler. Errors of records wrap ErrBadRecord.
func (b *Books) UnmarshalJSON(text []byte) error {
	var body booksBody
	if err := json.Unmarshal(text, &body); err != nil {
		return err
	}
	f, err := DecodeFile(body.ID, body.File)
	if err != nil {
		return err
	}
	*b = Books{File: f, Deployment: body.Deployment}
	for _, c := range body.Chunks {
		id, err := ParseChunkKey(c.Key)
		if err != nil {
			return err
		}
		if id.File != f.ID {
			return fmt.Errorf("%w: chunk %s in the books of file %d", ErrBadRecord, c.Key, f.ID)
		}
		chunk, err := DecodeOpenChunk(id, c.Record)
		if err != nil {
			return err
		}
		b.Chunks = append(b.Chunks, chunk)
	}
	return nil
}
