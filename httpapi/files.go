package httpapi

import (
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// filesBody is the answer of /api/v1/files.
type filesBody struct {
	Total int        `json:"total"` // number of matching files; Files has the newest ones
	Files []fileBody `json:"files"`
}

// fileBody describes one version of an input file.
type fileBody struct {
	ID          messages.FileID `json:"id"`
	Path        string          `json:"path"`
	Generation  int             `json:"generation"`
	State       string          `json:"state"`
	Reason      string          `json:"reason"`
	Paused      string          `json:"paused"` // why nothing new of it is begun
	Size        int64           `json:"size"`   // in bytes
	Offset      int64           `json:"offset"` // bytes assigned to workers
	ItemsCut    int64           `json:"items_cut"`
	ItemsDone   int64           `json:"items_done"`
	ItemsFailed int64           `json:"items_failed"`
	ItemsDead   int64           `json:"items_dead"`
	// ItemsCancelled and ChunksCancelled were not done when the file was cancelled.
	ItemsCancelled  int64 `json:"items_cancelled"`
	ChunksDone      int64 `json:"chunks_done"`
	ChunksDead      int64 `json:"chunks_dead"`
	ChunksCancelled int64 `json:"chunks_cancelled"`
	ChunksReady     int   `json:"chunks_ready"`
	ChunksRunning   int   `json:"chunks_running"`
	forecastBody
	Repeats   int64      `json:"repeats"`
	StartedAt *time.Time `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at"`
}

// oneFileBody is the answer of /api/v1/files/{id}.
type oneFileBody struct {
	fileBody
	ChunksDiscarded int64 `json:"chunks_discarded"` // of the dead ones
	ItemsDiscarded  int64 `json:"items_discarded"`
	FailedDiscarded int64 `json:"items_failed_discarded"`

	DeadRanges int64      `json:"dead_ranges"`     // dead chunks, plus the range that a change made unreadable
	DeadBytes  int64      `json:"dead_bytes"`      // length of that range
	Uncut      int64      `json:"cancelled_bytes"` // length of the range that was not cut because the file was cancelled
	Duplicates int64      `json:"duplicates"`
	Digest     *string    `json:"digest"`          // 16 hexadecimal digits, null when it does not cover every done chunk
	Recorded   *int64     `json:"chunks_recorded"` // done chunks with a result of ours, null with the digest
	Output     *int64     `json:"output_lines"`    // in these results
	Unrecorded int64      `json:"retries_unrecorded"`
	MergedAt   *time.Time `json:"merged_at"` // null until its results are merged
	ModifiedAt *time.Time `json:"modified_at"`
	LeftAt     *time.Time `json:"left_at"`
}

// files answers with the matching files, newest first.
func (s *Server) files(c *gin.Context) {
	want, err := selected(c.Request.URL.RawQuery, listedStates(), "before", "limit", "q", "state")
	if err != nil {
		s.refuseQuery(c, err)
		return
	}
	if all, ok := ask[[]*messages.FileStatus](s, c, messages.QueryFiles{}); ok {
		s.json(c, showFiles(all, want))
	}
}

// file answers with the file with the id in the path.
func (s *Server) file(c *gin.Context) {
	if id, ok := s.fileID(c); ok {
		if f, ok := ask[*messages.FileStatus](s, c, messages.QueryFile{ID: id}); ok && found(c, f) {
			s.json(c, showOneFile(*f))
		}
	}
}

// books answers with the stored records of the file with the id in the path.
func (s *Server) books(c *gin.Context) {
	if id, ok := s.fileID(c); ok {
		if b, ok := ask[*messages.Books](s, c, messages.QueryBooks{ID: id}); ok && found(c, b) {
			s.json(c, b)
		}
	}
}

// fileID returns the id in the path of a call that has no parameters.
func (s *Server) fileID(c *gin.Context) (messages.FileID, bool) {
	if _, err := parameters(c.Request.URL.RawQuery); err != nil {
		s.refuseQuery(c, err)
		return 0, false
	}
	id, err := strconv.ParseUint(c.Param("id"), 10, 64) // accepts no sign or space
	if err != nil || id == 0 {
		text(c, http.StatusBadRequest, "Not answered: the id of a file is a whole number from 1, but it was "+strconv.Quote(messages.Clean(c.Param("id"), maxShown))+".")
		return 0, false
	}
	return messages.FileID(id), true
}

// found reports whether there is an answer about a file, and says so if not.
func found[T any](c *gin.Context, answer *T) bool {
	if answer == nil {
		text(c, http.StatusNotFound, "No file has this id: it never existed, or was forgotten after it left the folder.")
	}
	return answer != nil
}

func showFiles(all []*messages.FileStatus, want selection) filesBody {
	out := filesBody{Files: []fileBody{}}
	for _, f := range slices.Backward(all) { // newer files have higher ids
		if want.before > 0 && f.ID >= want.before || want.state != "" && f.State.String() != want.state || want.part != "" && !strings.Contains(strings.ToLower(f.Info.Path), want.part) {
			continue
		}
		if out.Total++; out.Total <= want.limit {
			out.Files = append(out.Files, showFile(*f))
		}
	}
	return out
}

func showFile(f messages.FileStatus) fileBody {
	return fileBody{
		ID: f.ID, Path: f.Info.Path, Generation: f.Generation, State: f.State.String(), Reason: f.Reason, Paused: f.Paused,
		Size: f.Info.Size, Offset: f.Cursor.Offset,
		ItemsCut: f.Items, ItemsDone: f.DoneItems, ItemsFailed: f.FailedItems, ItemsDead: f.DeadItems, ItemsCancelled: f.CancelledItems,
		ChunksDone: f.DoneChunks, ChunksDead: f.DeadChunks, ChunksCancelled: f.CancelledChunks, ChunksReady: f.Ready, ChunksRunning: f.Running,
		forecastBody: showForecast(f.Forecast),
		Repeats:      f.Repeats, StartedAt: jsonTime(f.Started), EndedAt: jsonTime(f.Ended),
	}
}

func showOneFile(f messages.FileStatus) oneFileBody {
	out := oneFileBody{
		fileBody: showFile(f), ChunksDiscarded: f.DiscardedChunks, ItemsDiscarded: f.DiscardedItems, FailedDiscarded: f.DiscardedFailed, Unrecorded: f.UnrecordedRetries, DeadRanges: f.DeadChunks, DeadBytes: f.DeadBytes, Uncut: f.CancelledBytes, Duplicates: f.Duplicates,
		MergedAt: jsonTime(f.Merged), ModifiedAt: jsonTime(f.Info.ModTime), LeftAt: jsonTime(f.Left),
	}
	if f.DeadBytes > 0 {
		out.DeadRanges++
	}
	if f.DigestKnown() {
		text := fmt.Sprintf("%016x", f.Digest)
		out.Digest, out.Recorded, out.Output = &text, &f.RecordedChunks, &f.OutputLines
	}
	return out
}

// jsonTime returns a time as the API shows it: in UTC, with milliseconds, null when it
// is zero. File systems have times that the format does not (such as after the year
// 9999); the nearest possible time stands for them.
func jsonTime(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC().Truncate(time.Millisecond)
	if t.Year() > 9999 {
		t = time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)
	}
	if t.Year() < 0 {
		t = time.Date(0, 1, 1, 0, 0, 0, 0, time.UTC)
	}
	return &t
}
