package messages

import "strings"

// Ignored counts the entries of the input folder that are not input although somebody
// may expect them to be.
type Ignored struct {
	Count int
	Names []string // the first few names; those of folders end with "/"
}

// maxIgnoredNames is the number of names that are kept as examples.
const maxIgnoredNames = 3

// Add counts an entry of the folder. Hidden files, unfinished copies and the archive
// are not counted, since nobody expects them to be input.
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
