package app

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/cespare/xxhash/v2"

	"kafka-master/httpapi"
	"kafka-master/messages"
)

// fakeResults has the results of files that have ended, and lists of what failed of bad.txt.
type fakeResults struct{}

const fakeJoblog = "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n" +
	"1\tw-1\t1795699944.478\t     0.250\t7574\t27196\t0\t0\tchunk_0\n3\tw-2\t1795699944.500\t     1.000\t7574\t0\t1\t0\tchunk_2\n"

// List implements httpapi.Results.
func (r fakeResults) List(f messages.File) (out []httpapi.Download) {
	for _, kind := range downloadNames {
		d, _, err := r.Open(f, kind)
		if err != nil {
			d.Kind, d.Bytes, d.Lines, d.Missing = kind, -1, -1, err.(*httpapi.NotThere)
		}
		if kind == httpapi.DownloadJoblog {
			d.Hash, d.Bytes = "", -1
		}
		out = append(out, d)
	}
	return out
}

// Open implements httpapi.Results.
func (fakeResults) Open(f messages.File, kind string) (httpapi.Download, io.ReadSeekCloser, error) {
	name, text := f.Info.Path+"."+kind, fmt.Sprintf("%s of %s\n", kind, f.Info.Path)
	switch {
	case kind == httpapi.DownloadJoblog:
		text = fakeJoblog
	case !f.HasEnded():
		return httpapi.Download{}, nil, &httpapi.NotThere{Status: http.StatusConflict, Sentence: f.Info.Path + " has not ended."}
	case strings.HasPrefix(kind, httpapi.DownloadFailed) && f.FailedItems == 0:
		return httpapi.Download{}, nil, &httpapi.NotThere{Status: http.StatusNotFound, Sentence: "No item of " + f.Info.Path + " failed."}
	}
	d := httpapi.Download{Kind: kind, Name: name, Bytes: int64(len(text)), Lines: 1, Hash: fmt.Sprintf("%016x", xxhash.Sum64String(text)), Modified: time.Now(), Partial: f.DeadItems > 0}
	return d, struct {
		io.ReadSeeker
		io.Closer
	}{strings.NewReader(text), io.NopCloser(nil)}, nil
}
