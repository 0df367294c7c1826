package httpapi

import (
	"cmp"
	"context"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// letterKind is one of the two kinds of chunks that wait for a person.
type letterKind struct {
	failed bool
	name   string // in paths
	noun   string
}

var (
	deadChunks   = letterKind{false, "dead", "dead chunk"}
	failedChunks = letterKind{true, "failed", "chunk with failed items"}
)

// lettersInput selects chunks of one kind.
type lettersInput struct {
	Page
	File  string `query:"file" doc:"Only chunks of the file with this path."`
	Error string `query:"error" doc:"Only chunks with this text in their error, in any case; # stands for any number, as in the groups."`
}

// letterInput names a chunk.
type letterInput struct {
	File  string `path:"file" doc:"Id of its file: the part of its id before the slash."`
	Chunk string `path:"chunk" doc:"The part of its id behind the slash."`
}

// lettersBody is the answer of /api/v1/dead and /api/v1/failed.
type lettersBody struct {
	Total  int               `json:"total" doc:"Number of matching chunks, on all pages."`
	Items  int64             `json:"items" doc:"Items in them that are dead, or that failed."`
	Groups []letterGroupBody `json:"groups" doc:"The matching chunks by error, the most frequent first: at most 50, and one for all others."`
	Chunks []letterBody      `json:"chunks" doc:"In the order of their ids."`
	Next   string            `json:"next" doc:"The cursor of the next page; empty on the last one."`
}

// letterGroupBody counts the matching chunks with one error.
type letterGroupBody struct {
	Error  string `json:"error" doc:"The first line of the error, with # for each number in it."`
	Chunks int    `json:"chunks"`
	Items  int64  `json:"items"`
}

// letterBody describes a chunk that is dead, or done with failed items.
type letterBody struct {
	ID         string              `json:"id" doc:"The id of its file, a slash, and its number in the file; then .s and the number of a half, or .r and that of a retry."`
	FileID     messages.FileID     `json:"file_id"`
	Path       string              `json:"path"`
	Generation int                 `json:"generation"`
	Chunk      string              `json:"chunk" doc:"Its name in batch ids."`
	FirstLine  int64               `json:"first_line" doc:"Number of its first line in the file, from 1."`
	Lines      int64               `json:"lines"`
	Items      int                 `json:"items"`
	Failed     int64               `json:"items_failed" doc:"How many of its items failed, 0 for a dead chunk."`
	Offset     int64               `json:"offset" doc:"Place of its first byte in the file."`
	Length     int64               `json:"length" doc:"In bytes."`
	Attempts   int                 `json:"attempts" doc:"Hand-outs so far."`
	Workers    []messages.WorkerID `json:"workers" doc:"The workers that failed it, the last one last, at most eight; without a failure that of the last attempt."`
	Error      string              `json:"error" doc:"Why it died."`
	FirstItem  string              `json:"first_item" doc:"Beginning of its first item, at most 120 bytes."`
	EndedAt    *time.Time          `json:"ended_at"`
}

// maxGroups bounds the groups of an answer; the last one then holds all other errors.
const maxGroups = 50

// letterFilter selects chunks of one kind.
type letterFilter struct {
	File  string `json:"file,omitempty" doc:"Path of the file."`
	Error string `json:"error,omitempty" doc:"Part of the error, in any case; # stands for any number, as in the groups."`
}

func (f letterFilter) matches(kind letterKind, x *messages.Letter) bool {
	return x.Failed() == kind.failed && (f.File == "" || x.Path == f.File) && (f.Error == "" || f.matchesError(x.Reason))
}

// matchesError reports whether an error has the text, or the name of its group has it.
func (f letterFilter) matchesError(reason string) bool {
	text := strings.ToLower(f.Error)
	return strings.Contains(strings.ToLower(reason), text) || strings.Contains(strings.ToLower(errorPattern(reason)), text)
}

func (s *Server) registerLetters() {
	for _, kind := range []letterKind{deadChunks, failedChunks} {
		register(s, huma.Operation{
			OperationID: "list-" + kind.name, Method: http.MethodGet, Path: "/" + kind.name,
			Summary: "List every " + kind.noun + " that was not discarded",
		}, func(ctx context.Context, in *lettersInput) (lettersBody, error) { return s.listLetters(ctx, kind, in) })
		register(s, huma.Operation{
			OperationID: "get-" + kind.name, Method: http.MethodGet, Path: "/" + kind.name + "/{file}/{chunk}",
			Summary: "Show one " + kind.noun, Errors: []int{http.StatusNotFound},
		}, func(ctx context.Context, in *letterInput) (letterBody, error) { return s.oneLetter(ctx, kind, in) })
		s.registerLetterChanges(kind)
	}
}

// listLetters answers with the matching chunks, ordered by file and place in it.
func (s *Server) listLetters(ctx context.Context, kind letterKind, in *lettersInput) (out lettersBody, err error) {
	var after messages.ChunkID
	if in.Cursor != "" {
		if after, err = letterID("query.cursor", in.Cursor); err != nil {
			return out, err
		}
	}
	all, err := ask[[]*messages.Letter](ctx, s, messages.QueryLetters{})
	if err != nil {
		return out, err
	}
	return showLetters(all, kind, letterFilter{in.File, in.Error}, after, in.Limit), nil
}

// oneLetter answers with the chunk whose id is in the path.
func (s *Server) oneLetter(ctx context.Context, kind letterKind, in *letterInput) (out letterBody, err error) {
	id, err := letterID("path", in.File+"/"+in.Chunk)
	if err != nil {
		return out, err
	}
	all, err := ask[[]*messages.Letter](ctx, s, messages.QueryLetters{})
	if err != nil {
		return out, err
	}
	x := kind.find(all, id)
	if x == nil {
		return out, notFound("No " + kind.noun + " has this id: it never existed, was retried or discarded, or its file was forgotten.")
	}
	return showLetter(x), nil
}

// find returns the chunk of this kind with the id, nil if there is none.
func (k letterKind) find(all []*messages.Letter, id messages.ChunkID) *messages.Letter {
	at, found := slices.BinarySearchFunc(all, id, func(x *messages.Letter, id messages.ChunkID) int { return x.ID.Compare(id) })
	if !found || all[at].Failed() != k.failed {
		return nil
	}
	return all[at]
}

// letterID parses the id of a chunk that was found at a place of the call.
func letterID(location, text string) (messages.ChunkID, error) {
	id, err := messages.ParseChunkKey(text)
	if err != nil || id.Key() != text {
		return id, badValue(location, text, "must be the id of a chunk, such as 12/345")
	}
	return id, nil
}

func showLetters(all []*messages.Letter, kind letterKind, want letterFilter, after messages.ChunkID, limit int) lettersBody {
	out := lettersBody{Groups: []letterGroupBody{}, Chunks: []letterBody{}}
	groups := map[string]*letterGroupBody{}
	for _, x := range all {
		if !want.matches(kind, x) {
			continue
		}
		out.Total++
		out.Items += x.Concerned()
		addToGroup(groups, x)
		switch {
		case after != messages.ChunkID{} && x.ID.Compare(after) <= 0:
		case len(out.Chunks) < limit:
			out.Chunks = append(out.Chunks, showLetter(x))
		default:
			out.Next = out.Chunks[limit-1].ID
		}
	}
	out.Groups = sortedGroups(groups)
	return out
}

func showLetter(x *messages.Letter) letterBody {
	return letterBody{
		ID: x.ID.Key(), FileID: x.ID.File, Path: x.Path, Generation: x.Generation, Chunk: x.Name,
		FirstLine: x.FirstLine, Lines: x.Lines, Items: x.Items, Failed: x.FailedItems, Offset: x.Offset, Length: x.Length,
		Attempts: x.Attempt, Workers: append([]messages.WorkerID{}, x.Workers()...),
		Error: x.Reason, FirstItem: x.FirstItem, EndedAt: jsonTime(x.EndedAt),
	}
}

// addToGroup counts a chunk by its error. Errors that differ in numbers only are one.
func addToGroup(groups map[string]*letterGroupBody, x *messages.Letter) {
	key := errorPattern(x.Reason)
	g := groups[key]
	if g == nil {
		if len(groups) >= 100*maxGroups {
			key = otherErrors
		}
		g = groups[key]
	}
	if g == nil {
		g = &letterGroupBody{Error: key}
		groups[key] = g
	}
	g.Chunks++
	g.Items += x.Concerned()
}

// otherErrors is the group of the errors that have no group of their own.
const otherErrors = "(other errors)"

// maxPattern is how many characters of an error name its group.
const maxPattern = 200

// errorPattern returns the first line of an error, with # in place of each number.
func errorPattern(reason string) string {
	line, _, _ := strings.Cut(reason, "\n")
	line = messages.Clean(line, maxPattern)
	var b strings.Builder
	inNumber := false
	for _, r := range line {
		digit := r >= '0' && r <= '9'
		if digit && !inNumber {
			b.WriteByte('#')
		} else if !digit {
			b.WriteRune(r)
		}
		inNumber = digit
	}
	return b.String()
}

// sortedGroups returns the largest groups, and the others as one.
func sortedGroups(groups map[string]*letterGroupBody) []letterGroupBody {
	other := letterGroupBody{Error: otherErrors}
	if g := groups[otherErrors]; g != nil {
		other = *g
		delete(groups, otherErrors)
	}
	list := slices.SortedFunc(maps.Values(groups), func(a, b *letterGroupBody) int {
		return cmp.Or(cmp.Compare(b.Chunks, a.Chunks), strings.Compare(a.Error, b.Error))
	})
	out := []letterGroupBody{}
	for _, g := range list {
		if len(out) < maxGroups {
			out = append(out, *g)
			continue
		}
		other.Chunks += g.Chunks
		other.Items += g.Items
	}
	if other.Chunks > 0 {
		out = append(out, other)
	}
	return out
}
