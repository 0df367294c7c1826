package httpapi

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// Results opens what workers left of files, and what was made of it. Its methods read files,
// which may take long, and must be safe for concurrent use.
type Results interface {
	// List describes all downloads of a file, those that are not there too.
	List(f messages.File) []Download
	// Open opens one of them. The error is a *NotThere if it is not there. Job logs are opened
	// one after the other.
	Open(f messages.File, kind string) (Download, io.ReadSeekCloser, error)
}

// The kinds of downloads.
const (
	DownloadResults     = "results"
	DownloadFailed      = "failed"
	DownloadFailedLines = "failed-lines"
	DownloadSummary     = "summary"
	DownloadJoblog      = "joblog"
)

// Download describes something that can be downloaded of a file.
type Download struct {
	Kind string
	Name string // of the file to save it in
	// Bytes and Lines are -1 when they are not known before it is made.
	Bytes, Lines int64
	Hash         string    // changes with the content; empty when it is not known
	Modified     time.Time // zero when it is not known
	Partial      bool      // made although results are missing
	Missing      *NotThere // nil if it is there
}

// NotThere is the error of a download that is not there.
type NotThere struct {
	Status   int    // 404, or 409 if something can be done about it
	Sentence string // what that is, for a person
}

// Error implements error.
func (e *NotThere) Error() string { return e.Sentence }

// downloadKind is a kind of download as the document describes it.
type downloadKind struct{ name, media, summary, note string }

// downloadKinds are all of them. The media type of results depends on their name.
var downloadKinds = []downloadKind{
	{DownloadResults, "application/octet-stream", "Download the results of a file in the order of its lines", "Its Content-Type follows from the name, such as text/csv."},
	{DownloadFailed, "application/x-ndjson", "Download the list of the failed items of a file", ""},
	{DownloadFailedLines, "text/plain", "Download the failed items of a file as lines that can be run again", ""},
	{DownloadSummary, "application/json", "Download the summary of the merge of a file", ""},
	{DownloadJoblog, "text/tab-separated-values; charset=utf-8", "Download who did which chunk when, with the columns of GNU parallel", ""},
}

// resultTypes are the media types of results, by the ending of their name.
var resultTypes = map[string]string{
	".jsonl": "application/x-ndjson", ".ndjson": "application/x-ndjson", ".json": "application/json", ".csv": "text/csv", ".tsv": "text/tab-separated-values",
}

// mediaType returns the media type of a download.
func (d Download) mediaType() string {
	if kind, ok := resultTypes[path.Ext(d.Name)]; ok && d.Kind == DownloadResults {
		return kind
	}
	at := slices.IndexFunc(downloadKinds, func(k downloadKind) bool { return k.name == d.Kind })
	return downloadKinds[at].media
}

// isDownload reports whether a call is for a download.
func isDownload(r *http.Request) bool {
	rest, ok := strings.CutPrefix(r.URL.Path, pathV1+"/files/")
	_, kind, found := strings.Cut(rest, "/")
	return ok && found && (r.Method == http.MethodGet || r.Method == http.MethodHead) &&
		slices.ContainsFunc(downloadKinds, func(k downloadKind) bool { return k.name == kind })
}

const (
	// maxDownloads bounds the open downloads of a master, those that it passes on as well. They
	// keep their connections (see limit), beside those of the calls.
	maxDownloads = 16
	// maxLooks bounds the looks into the folder of the results, which may hang.
	maxLooks = 4
)

// downloads bounds what is done for downloads at the same time.
type downloads struct {
	open  chan struct{} // has a value for each open download
	looks chan struct{} // has a value for each look into the folder
	logs  chan struct{} // has a value while a job log is made, which takes time and memory
}

// looksFor is looks or logs: who waits for other job logs holds up nothing else.
func (d downloads) looksFor(kind string) chan struct{} {
	if kind == DownloadJoblog {
		return d.logs
	}
	return d.looks
}

func newDownloads() downloads {
	return downloads{open: make(chan struct{}, maxDownloads), looks: make(chan struct{}, maxLooks), logs: make(chan struct{}, 1)}
}

// errFolder is the error of a folder of results that does not answer.
var errFolder = errors.New("the folder of the results does not answer")

// readBeside runs what reads the folder of the results. It does not wait for longer than ctx: a folder
// on a share may hang, and leave is called for what comes later.
func readBeside[A any](ctx context.Context, looks chan struct{}, read func() A, leave func(A)) (a A, err error) {
	select {
	case looks <- struct{}{}:
	case <-ctx.Done():
		return a, fmt.Errorf("%w: %w", errFolder, ctx.Err())
	}
	done := make(chan A)
	go func() {
		defer func() { <-looks }()
		got := read()
		select {
		case done <- got:
		case <-ctx.Done():
			leave(got)
		}
	}()
	select {
	case a = <-done:
		return a, nil
	case <-ctx.Done():
		return a, fmt.Errorf("%w: %w", errFolder, ctx.Err())
	}
}

// downloadsBody is the answer of /api/v1/files/{id}/downloads.
type downloadsBody struct {
	Downloads []downloadBody `json:"downloads" doc:"All kinds, those that are not there too."`
	ExpiresAt *time.Time     `json:"expires_at" doc:"Until when the links can be used; null without API_TOKEN, which needs no signed ones."`
}

// downloadBody describes one download.
type downloadBody struct {
	Kind     string     `json:"kind" enum:"results,failed,failed-lines,summary,joblog"`
	Name     string     `json:"name" doc:"Of the file to save it in."`
	Href     string     `json:"href" doc:"Its address, relative to that of this list, with a signature if calls need a token; empty if it is not there."`
	Bytes    *int64     `json:"bytes" doc:"Null when it is not there, or made when it is asked for."`
	Lines    *int64     `json:"lines" doc:"Null when they are not known."`
	Hash     string     `json:"hash" doc:"XXH64 of the content, 16 hexadecimal digits; empty when it is not known."`
	MergedAt *time.Time `json:"merged_at" doc:"When it was made by a merge."`
	Partial  bool       `json:"partial" doc:"Whether it was merged although results are missing."`
	Missing  string     `json:"missing" doc:"Why it is not there and what to do about it; empty if it is."`
}

func (s *Server) registerDownloads() {
	register(s, huma.Operation{
		OperationID: "list-downloads", Method: http.MethodGet, Path: "/files/{id}/downloads", Summary: "List what can be downloaded of a file, with links",
		Errors: []int{http.StatusNotFound},
	}, s.listDownloads)
}

// listDownloads answers with the downloads of the file whose id is in the path.
func (s *Server) listDownloads(ctx context.Context, in *fileInput) (out downloadsBody, err error) {
	f, err := ask[*messages.FileStatus](ctx, s, messages.QueryFile{ID: in.ID})
	if err != nil {
		return out, err
	}
	if f == nil {
		return out, notFound(noFile)
	}
	ctx, cancel := context.WithTimeout(ctx, messages.AskTimeout)
	defer cancel()
	list, err := readBeside(ctx, s.downloads.looks, func() []Download { return s.results().List(*f.File) }, func([]Download) {})
	if err != nil {
		return out, err
	}
	until := time.Now().Add(linkValid)
	if s.linkKey != nil {
		out.ExpiresAt = jsonTime(until)
	}
	for _, d := range list {
		out.Downloads = append(out.Downloads, s.showDownload(in.ID, d, until))
	}
	return out, nil
}

func (s *Server) showDownload(id messages.FileID, d Download, until time.Time) downloadBody {
	out := downloadBody{Kind: d.Kind, Name: d.Name, Href: d.Kind, Hash: d.Hash, MergedAt: jsonTime(d.Modified), Partial: d.Partial}
	if d.Missing != nil {
		out.Href, out.Missing = "", d.Missing.Sentence
		return out
	}
	if d.Bytes >= 0 {
		out.Bytes = &d.Bytes
	}
	if d.Lines >= 0 {
		out.Lines = &d.Lines
	}
	if s.linkKey != nil {
		out.Href += "?" + s.linkKey.sign(fmt.Sprintf("%s/files/%d/%s", pathV1, id, d.Kind), until)
	}
	return out
}

// results returns the results of this master.
func (s *Server) results() Results {
	if s.cfg.Results == nil {
		return noResults{}
	}
	return s.cfg.Results
}

// noResults are those of a master that has none.
type noResults struct{}

var errNoResults = &NotThere{http.StatusNotFound, "This master has no folder of results."}

// List implements Results.
func (noResults) List(messages.File) (out []Download) {
	for _, k := range downloadKinds {
		out = append(out, Download{Kind: k.name, Bytes: -1, Lines: -1, Missing: errNoResults})
	}
	return out
}

// Open implements Results.
func (noResults) Open(messages.File, string) (Download, io.ReadSeekCloser, error) {
	return Download{}, nil, errNoResults
}
