package app

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"

	"kafka-master/messages"
	"kafka-master/proof"
)

const (
	// maxCheckedChunks bounds the check at the end of a file, which holds the console up.
	maxCheckedChunks = 50_000
	checkLimit       = 10 * time.Second
)

// checkResults checks what this master can see of a file whose every item is done by the
// books: the manifests, and the sizes of the results. It returns a sentence that says so.
func (n *node) checkResults(f messages.File) string {
	command := fmt.Sprintf("%s verify %s", program("kafka-master"), messages.ShellWord(f.Info.Path))
	const unchecked = "By the books every item was done exactly once; "
	if f.Chunks() > maxCheckedChunks || n.s.Merge == "replace" {
		return unchecked + command + " checks the results"
	}
	a, err := n.ask(messages.QueryBooks{ID: f.ID})
	b, ok := a.(*messages.Books)
	if err != nil || !ok || b == nil {
		return unchecked + command + " checks the results"
	}
	ctx, cancel := context.WithTimeout(context.Background(), checkLimit)
	defer cancel()
	r, err := proof.Check(ctx, proof.Case{
		Books: *b, Results: filepath.Join(n.s.ResultsDir, messages.GenerationFolder(f.Info.Path, f.Generation)), Sizes: true,
	})
	switch {
	case err != nil:
		return unchecked + "its results could not be checked: " + err.Error()
	case r.Verdict == proof.Fails:
		return "THE RESULTS ARE NOT WHAT WAS COUNTED: " + r.Findings[0].Text + "; see " + command
	case r.Verdict == proof.Unknown:
		return unchecked + "its results were not checked: " + r.Unknown[0]
	}
	return fmt.Sprintf("Every item was done exactly once; checked were the order of the chunks, the sums, and the sizes of %s; %s reads all bytes",
		humanize.Comma(int64(r.Results))+" results", command)
}
