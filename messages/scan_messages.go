package messages

import "strings"

// scanChunk parses a chunk message that has only the fields of ChunkMessage.
func scanChunk(value []byte) (m ChunkMessage, ok bool) {
	ok = scan(value, func(s *scanner, key string) {
		switch key {
		case "id":
			m.ID = s.string()
		case "batchId":
			m.BatchID = s.string()
		case "deployment":
			m.Deployment = s.string()
		case "incarnation":
			m.Incarnation = s.string()
		case "term":
			if n := s.int(); n < 0 {
				s.decline()
			} else {
				m.Term = uint64(n)
			}
		case "attempt":
			m.Attempt = int(s.int())
		case "file":
			m.File = s.string()
		case "generation":
			m.Generation = int(s.int())
		case "first_line":
			m.FirstLine = s.int()
		case "lines":
			m.Lines = s.int()
		case "gaps":
			m.Gaps = s.pairs()
		case "offset":
			m.Offset = s.int()
		case "length":
			m.Length = s.int()
		case "hash":
			m.Hash = s.string()
		case "retry":
			m.Retry = int(s.int())
		case "positions":
			m.Positions = s.pairs()
		case "data":
			m.Data = s.strings()
		case "recall":
			m.Recall = s.strings()
		case "stop":
			m.Stop = s.bool()
		default:
			s.decline()
		}
	})
	return m, ok
}

// scanSignal parses a worker's message that has only the fields of wireSignal.
func scanSignal(value []byte) (w wireSignal, ok bool) {
	ok = scan(value, func(s *scanner, key string) {
		if text := w.text(key); text != nil {
			*text = strings.Clone(s.string()) // ids are kept, and must not keep the whole message in memory
			return
		}
		switch key {
		case "partitions":
			list := s.numbers()
			w.Partitions = &list
		case "running":
			w.Running = s.strings()
		case "queued":
			w.Queued = s.strings()
		case "recall":
			w.Recall = s.bool()
		case "protocol":
			w.Protocol = int(s.int())
		case "capacity":
			w.Capacity = int(s.int())
		case "attempt":
			w.Attempt = int(s.int())
		case "offset":
			w.Offset = s.int()
		case "failed":
			w.Failed = s.raw()
		case "failed_items":
			w.FailedItems = s.raw()
		case "output_lines":
			w.OutputLines = s.raw()
		case "next", "processing", "total":
			n := s.int()
			*w.number(key) = &n
		default:
			s.decline()
		}
	})
	return w, ok
}

// text returns the string field with that key, or nil.
func (w *wireSignal) text(key string) *string {
	switch key {
	case "status":
		return &w.Status
	case "id":
		return &w.ID
	case "incarnation":
		return &w.Incarnation
	case "version":
		return &w.Version
	case "note":
		return &w.Note
	case "batchId":
		return &w.BatchID
	case "result":
		return &w.Result
	case "error":
		return &w.Error
	case "deployment":
		return &w.Deployment
	case "hash":
		return &w.Hash
	}
	return nil
}

// number returns the optional number with that key.
func (w *wireSignal) number(key string) **int64 {
	switch key {
	case "next":
		return &w.Next
	case "processing":
		return &w.Processing
	}
	return &w.Total
}
