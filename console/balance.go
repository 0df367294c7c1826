package console

import (
	"fmt"
	"path/filepath"
	"strings"

	"github.com/dustin/go-humanize"

	"kafka-master/messages"
)

// Balance returns the balance of a file that has ended, as a block of lines. results
// says where its results are; "" omits its line. checked is what a check of its results
// found; "" means that there was none.
func Balance(f messages.File, results, checked string) string {
	var b strings.Builder
	name := messages.Clean(f.Info.Path, maxName)
	fmt.Fprintf(&b, "==== %s: %s ====\n", name, stateName(f.State))
	row := func(name, text string) { fmt.Fprintf(&b, "  %-11s %s\n", name, text) }
	row("items", fmt.Sprintf("%s cut = %s done + %s failed + %s dead%s + %s missing",
		humanize.Comma(f.Items), humanize.Comma(f.DoneItems), humanize.Comma(f.FailedItems), humanize.Comma(f.DeadItems), Cancelled(f.CancelledItems), humanize.Comma(f.Missing())))
	chunks := fmt.Sprintf("%s cut, %s done, %s dead", humanize.Comma(f.Chunks()), humanize.Comma(f.DoneChunks), humanize.Comma(f.DeadChunks))
	if f.CancelledChunks > 0 {
		chunks += fmt.Sprintf(", %s cancelled", humanize.Comma(f.CancelledChunks))
	}
	row("chunks", chunks)
	row("duplicates", fmt.Sprintf("%s counted twice, %s", humanize.Comma(f.Duplicates), Count(f.Repeats, "repeated run")+" (counted once)"))
	if took := f.Ended.Sub(f.Started); !f.Started.IsZero() && !f.Ended.IsZero() {
		text := seconds(took)
		if r := rate(f.DoneItems+f.FailedItems, took); r != "" {
			text += ", " + r
		}
		row("time", text)
	}
	if results != "" && f.DoneChunks > 0 {
		row("results", messages.Clean(results, maxSentence))
	}
	row("", conclusion(f, checked))
	return strings.TrimSuffix(b.String(), "\n")
}

// Cancelled returns the part of a balance for cancelled items, nothing when there are none.
func Cancelled(items int64) string {
	if items == 0 {
		return ""
	}
	return fmt.Sprintf(" + %s cancelled", humanize.Comma(items))
}

// resultsFolder returns the folder with the results of one file.
func resultsFolder(results string, f messages.File) string {
	return filepath.Join(results, messages.GenerationFolder(f.Info.Path, f.Generation))
}

// conclusion states in one sentence whether the numbers of the balance add up.
func conclusion(f messages.File, checked string) string {
	reason := ""
	if f.Reason != "" {
		reason = ": " + messages.Clean(f.Reason, maxSentence)
	}
	switch {
	case !f.AddsUp() && f.State == messages.FileFailed && f.Reason != "":
		return "THE NUMBERS DO NOT ADD UP" + reason
	case !f.AddsUp():
		return "THE NUMBERS DO NOT ADD UP, which is a bug: keep the log and the data folder"
	case f.State == messages.FileFailed:
		return "The file could not be processed" + reason
	case f.State == messages.FileChanged:
		return fmt.Sprintf("The file changed while it was being processed, %s were not read%s", size(f.DeadBytes), reason)
	case f.State == messages.FileCancelled:
		return fmt.Sprintf("The file was cancelled, %s of it were not cut%s; kafka-master merge --partial merges what is done", size(f.CancelledBytes), reason)
	case f.DeadChunks > 0 && f.FailedItems > 0:
		return fmt.Sprintf("Every item is accounted for, %s failed and %s dead: kafka-master failed ls, dead ls", humanize.Comma(f.FailedItems), humanize.Comma(f.DeadItems))
	case f.DeadItems > 0 || f.DeadChunks > 0:
		return fmt.Sprintf("Every item is accounted for, %s dead: kafka-master dead ls", humanize.Comma(f.DeadItems))
	case f.FailedItems > 0:
		return fmt.Sprintf("Every item is accounted for, %s failed: kafka-master failed ls", humanize.Comma(f.FailedItems))
	case f.Items == 0:
		return "The file has no items"
	}
	if checked != "" {
		return messages.Clean(checked, maxSentence)
	}
	return "By the books every item was done exactly once"
}

// Left summarizes in one line what is not done yet. It is printed when the program
// stops.
func Left(o messages.Overview) string {
	var files, running, ready int
	var open, uncut int64
	for _, f := range o.Working {
		files++
		running += f.Running
		ready += f.Ready
		open += f.Missing()
		uncut += max(0, f.Info.Size-f.Cursor.Offset)
	}
	if files == 0 && o.Settling == 0 {
		return "Nothing is left to do."
	}
	var parts []string
	if files > 0 {
		text := Count(int64(files), "file") + " in work"
		text += fmt.Sprintf(" (%s in %s at workers and %s waiting, %s not cut yet)",
			Count(open, "item"), Count(int64(running), "chunk"), humanize.Comma(int64(ready)), size(uncut))
		parts = append(parts, text)
	}
	if o.Settling > 0 {
		parts = append(parts, Count(int64(o.Settling), "file")+" not started")
	}
	return "Left to do: " + strings.Join(parts, ", ") + ". The next start continues from here."
}
