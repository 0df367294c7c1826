package httpapi

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// filesInput selects files.
type filesInput struct {
	Page
	State fileState `query:"state" doc:"Only files in this state."`
	Part  string    `query:"q" doc:"Only files with this text in their path, in any case."`
}

// fileInput names a file.
type fileInput struct {
	ID messages.FileID `path:"id" minimum:"1" doc:"Number of the version of the file."`
}

// filesBody is the answer of /api/v1/files.
type filesBody struct {
	Total int        `json:"total" doc:"Number of matching files, on all pages."`
	Files []FileBody `json:"files" doc:"The newest first."`
	Next  string     `json:"next" doc:"The cursor of the next page; empty on the last one."`
}

// FileBody describes one version of an input file.
type FileBody struct {
	ID         messages.FileID `json:"id" doc:"Number of the version; a later version has a higher one."`
	Path       string          `json:"path"`
	Generation int             `json:"generation" doc:"Number of this version of the path, from 1."`
	State      fileState       `json:"state"`
	Reason     string          `json:"reason" doc:"Why it failed or changed, or who cancelled it."`
	SteeringBody
	Why             *whyBody `json:"why" doc:"Why nothing of it runs; null while something does and when it has ended, but for a cancelled one."`
	Size            int64    `json:"size" doc:"In bytes."`
	Offset          int64    `json:"offset" doc:"Bytes that were handed out."`
	ItemsCut        int64    `json:"items_cut" doc:"Items of the chunks that were handed out."`
	ItemsDone       int64    `json:"items_done"`
	ItemsFailed     int64    `json:"items_failed" doc:"Items that failed in done chunks."`
	ItemsDead       int64    `json:"items_dead" doc:"Items of dead chunks."`
	ItemsCancelled  int64    `json:"items_cancelled" doc:"Items that were cut and not done when the file was cancelled."`
	ChunksDone      int64    `json:"chunks_done"`
	ChunksDead      int64    `json:"chunks_dead"`
	ChunksCancelled int64    `json:"chunks_cancelled" doc:"Chunks that were not done when the file was cancelled."`
	ChunksReady     int      `json:"chunks_ready" doc:"Chunks that are cut and wait."`
	ChunksRunning   int      `json:"chunks_running" doc:"Chunks at workers."`
	ForecastBody
	Repeats   int64      `json:"repeats" doc:"Results of chunks that were done already; they change nothing."`
	StartedAt *time.Time `json:"started_at"`
	EndedAt   *time.Time `json:"ended_at"`
}

// oneFileBody is the answer of /api/v1/files/{id}.
type oneFileBody struct {
	FileBody
	ChunksDiscarded int64 `json:"chunks_discarded" doc:"Dead chunks that were discarded."`
	ItemsDiscarded  int64 `json:"items_discarded" doc:"Items of these."`
	FailedDiscarded int64 `json:"items_failed_discarded" doc:"Failed items that were discarded."`

	DeadRanges int64      `json:"dead_ranges" doc:"Dead chunks, plus one if a change made the rest unreadable."`
	DeadBytes  int64      `json:"dead_bytes" doc:"Length of that rest."`
	Uncut      int64      `json:"cancelled_bytes" doc:"Length of the range that was not cut because the file was cancelled."`
	Duplicates int64      `json:"duplicates" doc:"Ends that were counted in excess; anything but 0 means that the stored state was damaged."`
	Digest     *string    `json:"digest" doc:"Sum over the done chunks, 16 hexadecimal digits; null when it does not cover every one."`
	Recorded   *int64     `json:"chunks_recorded" doc:"Done chunks with a recorded result; null with the digest."`
	Output     *int64     `json:"output_lines" doc:"Lines of these results; null with the digest."`
	Unrecorded int64      `json:"retries_unrecorded" doc:"Retries of failed items that are done, and whose worker recorded no result."`
	MergedAt   *time.Time `json:"merged_at" doc:"When its results were merged."`
	ModifiedAt *time.Time `json:"modified_at" doc:"Its time in the folder."`
	LeftAt     *time.Time `json:"left_at" doc:"When it was first missing in the folder."`
}

// booksBody are the stored records of a file, as package messages encodes them.
type booksBody struct{ *messages.Books }

// Schema implements huma.SchemaProvider.
func (booksBody) Schema(huma.Registry) *huma.Schema {
	return &huma.Schema{Type: huma.TypeObject, AdditionalProperties: true, Description: "The records of the file and its chunks as the state store holds them."}
}

func (s *Server) registerFiles() {
	register(s, huma.Operation{
		OperationID: "list-files", Method: http.MethodGet, Path: "/files", Summary: "List versions of input files, the newest first",
	}, s.files)
	register(s, huma.Operation{
		OperationID: "get-file", Method: http.MethodGet, Path: "/files/{id}", Summary: "Show one version of an input file",
		Errors: []int{http.StatusNotFound},
	}, s.file)
	register(s, huma.Operation{
		OperationID: "get-books", Method: http.MethodGet, Path: "/files/{id}/books", Summary: "Show the stored records of a file, for commands that check results",
		Errors: []int{http.StatusNotFound},
	}, s.books)
}

// files answers with the matching files, newest first.
func (s *Server) files(ctx context.Context, in *filesInput) (out filesBody, err error) {
	before := uint64(math.MaxUint64)
	if in.Cursor != "" {
		if before, err = strconv.ParseUint(in.Cursor, 10, 64); err != nil {
			return out, badValue("query.cursor", in.Cursor, "must be the value of next of another page")
		}
	}
	all, err := ask[[]*messages.FileStatus](ctx, s, messages.QueryFiles{})
	if err != nil {
		return out, err
	}
	return showFiles(all, in, messages.FileID(before)), nil
}

// file answers with the file with the id in the path.
func (s *Server) file(ctx context.Context, in *fileInput) (out oneFileBody, err error) {
	f, err := ask[*messages.FileStatus](ctx, s, messages.QueryFile{ID: in.ID})
	if err != nil {
		return out, err
	}
	if f == nil {
		return out, notFound(noFile)
	}
	return showOneFile(*f), nil
}

// books answers with the stored records of the file with the id in the path.
func (s *Server) books(ctx context.Context, in *fileInput) (out booksBody, err error) {
	b, err := ask[*messages.Books](ctx, s, messages.QueryBooks{ID: in.ID})
	if err != nil {
		return out, err
	}
	if b == nil {
		return out, notFound(noFile)
	}
	return booksBody{b}, nil
}

// noFile is the answer about a file that is not known.
const noFile = "No file has this id: it never existed, or was forgotten after it left the folder."

// showFiles returns the page of the matching files that begins below the id before.
func showFiles(all []*messages.FileStatus, want *filesInput, before messages.FileID) filesBody {
	out := filesBody{Files: []FileBody{}}
	part := strings.ToLower(want.Part)
	for _, f := range slices.Backward(all) { // newer files have higher ids
		if want.State != "" && f.State.String() != string(want.State) || !strings.Contains(strings.ToLower(f.Info.Path), part) {
			continue
		}
		out.Total++
		switch {
		case f.ID >= before:
		case len(out.Files) < want.Limit:
			out.Files = append(out.Files, showFile(*f))
		default:
			out.Next = strconv.FormatUint(uint64(out.Files[want.Limit-1].ID), 10)
		}
	}
	return out
}

func showFile(f messages.FileStatus) FileBody {
	return FileBody{
		ID: f.ID, Path: f.Info.Path, Generation: f.Generation, State: fileState(f.State.String()), Reason: f.Reason, SteeringBody: showSteering(f), Why: showWhy(f.Why),
		Size: f.Info.Size, Offset: f.Cursor.Offset,
		ItemsCut: f.Items, ItemsDone: f.DoneItems, ItemsFailed: f.FailedItems, ItemsDead: f.DeadItems, ItemsCancelled: f.CancelledItems,
		ChunksDone: f.DoneChunks, ChunksDead: f.DeadChunks, ChunksCancelled: f.CancelledChunks, ChunksReady: f.Ready, ChunksRunning: f.Running,
		ForecastBody: showForecast(f.Forecast),
		Repeats:      f.Repeats, StartedAt: jsonTime(f.Started), EndedAt: jsonTime(f.Ended),
	}
}

func showOneFile(f messages.FileStatus) oneFileBody {
	out := oneFileBody{
		FileBody: showFile(f), ChunksDiscarded: f.DiscardedChunks, ItemsDiscarded: f.DiscardedItems, FailedDiscarded: f.DiscardedFailed, Unrecorded: f.UnrecordedRetries, DeadRanges: f.DeadChunks, DeadBytes: f.DeadBytes, Uncut: f.CancelledBytes, Duplicates: f.Duplicates,
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
