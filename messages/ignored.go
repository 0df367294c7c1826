package messages

import "strings"

// Ignored is what a listing of the input folder left out, although somebody may
// expect it to be worked on.
type Ignored struct {
	Count int
	Names []string // the first few, folders with "/" behind
}

// maxIgnoredNames is how many names are kept as examples.
const maxIgnoredNames = 3

// ArchiveFolder is the folder beside a file that a finished one is moved to.
const ArchiveFolder = "processed"

// Add counts an entry of the folder. Hidden files, unfinished copies and the archive
// are left out for good reason, and not counted.
func (i *Ignored) Add(name string, folder bool) {
	if name == "" || name[0] == '.' || name[0] == '~' || folder && name == ArchiveFolder {
		return
	}
	lower := strings.ToLower(name)
	for _, unfinished := range []string{".part", ".tmp", ".filepart", ".crdownload", "~"} {
		if !folder && strings.HasSuffix(lower, unfinished) {
			return
		}
	}
	i.Count++
	if len(i.Names) < maxIgnoredNames {
		if folder {
			name += "/"
		}
		i.Names = append(i.Names, name)
	}
}
