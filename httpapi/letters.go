package httpapi

import (
	"cmp"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// letterKind is one of the two kinds of chunks that wait for a person.
type letterKind struct {
	failed bool
	noun   string
}

var (
	deadChunks   = letterKind{false, "dead chunk"}
	failedChunks = letterKind{true, "chunk with failed items"}
)

// lettersBody is the answer of /api/v1/dead and /api/v1/failed.
type lettersBody struct {
	Total  int          `json:"total"` // number of matching chunks
	Items  int64        `json:"items"` // items in them that are dead, or that failed
	Groups []groupBody  `json:"groups"`
	Chunks []letterBody `json:"chunks"`
	Next   string       `json:"next"` // value of after for the chunks behind these, empty behind the last one
}

// groupBody counts the matching chunks with one error.
type groupBody struct {
	Error  string `json:"error"` // numbers in it are shown as #
	Chunks int    `json:"chunks"`
	Items  int64  `json:"items"`
}

// letterBody describes a chunk that is dead, or done with failed items.
type letterBody struct {
	ID         string              `json:"id"`
	FileID     messages.FileID     `json:"file_id"`
	Path       string              `json:"path"`
	Generation int                 `json:"generation"`
	Chunk      string              `json:"chunk"` // its name in batch ids
	FirstLine  int64               `json:"first_line"`
	Lines      int64               `json:"lines"`
	Items      int                 `json:"items"`
	Failed     int64               `json:"items_failed"` // of a chunk that is done
	Offset     int64               `json:"offset"`
	Length     int64               `json:"length"`
	Attempts   int                 `json:"attempts"`
	Workers    []messages.WorkerID `json:"workers"` // that failed it, the last one last
	Error      string              `json:"error"`
	FirstItem  string              `json:"first_item"` // beginning of its first item
	EndedAt    *time.Time          `json:"ended_at"`
}

// maxGroups bounds the groups of an answer; the last one then holds all other errors.
const maxGroups = 50

// letterFilter selects chunks of one kind.
type letterFilter struct {
	File  string `json:"file"`  // path of the file, empty for all
	Error string `json:"error"` // part of the error, ignoring case, empty for all
}

func (f letterFilter) matches(kind letterKind, x *messages.Letter) bool {
	return x.Failed() == kind.failed && (f.File == "" || x.Path == f.File) && (f.Error == "" || strings.Contains(strings.ToLower(x.Reason), strings.ToLower(f.Error)))
}

// listLetters answers with the matching chunks, ordered by file and place in it.
func (s *Server) listLetters(c *gin.Context, kind letterKind) {
	query := c.Request.URL.RawQuery
	given, err := parameters(query, "after", "error", "file", "limit")
	limit := DefaultLimit
	if _, ok := given["limit"]; ok && err == nil {
		limit, err = count(query, "limit", MaxLimit)
	}
	var after messages.ChunkID
	if text, ok := given["after"]; ok && err == nil {
		after, err = letterID(text)
	}
	if err != nil {
		s.refuseQuery(c, err)
		return
	}
	if all, ok := ask[[]*messages.Letter](s, c, messages.QueryLetters{}); ok {
		s.json(c, showLetters(all, kind, letterFilter{given["file"], given["error"]}, after, limit))
	}
}

// oneLetter answers with the chunk whose id is in the path.
func (s *Server) oneLetter(c *gin.Context, kind letterKind) {
	_, err := parameters(c.Request.URL.RawQuery)
	var id messages.ChunkID
	if err == nil {
		id, err = letterID(c.Param("file") + "/" + c.Param("chunk"))
	}
	if err != nil {
		s.refuseQuery(c, err)
		return
	}
	all, ok := ask[[]*messages.Letter](s, c, messages.QueryLetters{})
	if !ok {
		return
	}
	x := kind.find(all, id)
	if x == nil {
		text(c, http.StatusNotFound, "No "+kind.noun+" has this id: it never existed, was retried or discarded, or its file was forgotten.")
		return
	}
	s.json(c, showLetter(x))
}

// find returns the chunk of this kind with the id, nil if there is none.
func (k letterKind) find(all []*messages.Letter, id messages.ChunkID) *messages.Letter {
	at, found := slices.BinarySearchFunc(all, id, func(x *messages.Letter, id messages.ChunkID) int { return x.ID.Compare(id) })
	if !found || all[at].Failed() != k.failed {
		return nil
	}
	return all[at]
}

// letterID parses the id of a chunk. The error is a sentence for the client.
func letterID(text string) (messages.ChunkID, error) {
	id, err := messages.ParseChunkKey(text)
	if err != nil || id.Key() != text {
		return id, fmt.Errorf("the id of a chunk is like 12/345, but it was %q", messages.Clean(text, maxShown))
	}
	return id, nil
}

func showLetters(all []*messages.Letter, kind letterKind, want letterFilter, after messages.ChunkID, limit int) lettersBody {
	out := lettersBody{Groups: []groupBody{}, Chunks: []letterBody{}}
	groups := map[string]*groupBody{}
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
func addToGroup(groups map[string]*groupBody, x *messages.Letter) {
	key := errorPattern(x.Reason)
	g := groups[key]
	if g == nil {
		if len(groups) >= 100*maxGroups {
			key = otherErrors
		}
		g = groups[key]
	}
	if g == nil {
		g = &groupBody{Error: key}
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
func sortedGroups(groups map[string]*groupBody) []groupBody {
	other := groupBody{Error: otherErrors}
	if g := groups[otherErrors]; g != nil {
		other = *g
		delete(groups, otherErrors)
	}
	list := slices.SortedFunc(maps.Values(groups), func(a, b *groupBody) int {
		return cmp.Or(cmp.Compare(b.Chunks, a.Chunks), strings.Compare(a.Error, b.Error))
	})
	out := []groupBody{}
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
