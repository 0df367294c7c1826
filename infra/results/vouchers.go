package results

import (
	"errors"
	"io"
	"io/fs"
	"os"
	"path"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// maxSeen is the number of folders whose manifests a Journal remembers.
const maxSeen = 8

// vouchers are the places of the lines in the manifests of one folder, by the work that
// they are about. Only lines of one deployment are kept. The manifests are read once; a
// later look reads only what was appended.
type vouchers struct {
	root, folder, deployment string
	read                     map[string]int64 // offset up to which each manifest was read
	lines                    map[key][]At
}

// Standing returns the line that vouches for the result that stands in the folder under
// the name of l: a line about the same work whose figures are those of the file and of its
// list of failed items. ok is false when there is no such line.
func (j *Journal) Standing(root *os.Root, folder string, l Line) (standing Line, ok bool, err error) {
	lines, err := j.about(root, folder, l)
	if err != nil || len(lines) == 0 {
		return Line{}, false, err
	}
	size, hash, err := fileSum(root, path.Join(folder, l.Result))
	if err != nil {
		return Line{}, false, notThere(err)
	}
	_, list, err := fileSum(root, path.Join(folder, FailedListName(l.Result)))
	if err = notThere(err); err != nil {
		return Line{}, false, err
	}
	for _, v := range slices.Backward(lines) {
		if v.Bytes == size && v.Hash == hash && v.FailedListHash == list {
			return v, true, nil
		}
	}
	return Line{}, false, nil
}

// FailedListName returns the name of the list of failed items of a result.
func FailedListName(result string) string {
	return result[:len(result)-len(Suffix)] + FailedListSuffix
}

// notThere turns the error of a missing file into nil.
func notThere(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

// about returns the lines about the same work as l.
func (j *Journal) about(root *os.Root, folder string, l Line) ([]Line, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	v := j.vouchers(root.Name(), folder, l.Deployment)
	if err := v.update(root.FS()); err != nil {
		j.seen = slices.DeleteFunc(j.seen, func(w *vouchers) bool { return w == v })
		return nil, err
	}
	var lines []Line
	for _, at := range v.lines[l.key()] {
		_, err := ReadManifest(root.FS(), at.Manifest, at.Offset, func(_ At, m Line, damage error) error {
			if damage == nil && m.SameWork(l) {
				lines = append(lines, m)
			}
			return io.EOF
		})
		if err != nil && err != io.EOF {
			return nil, err
		}
	}
	return lines, nil
}

func (j *Journal) vouchers(root, folder, deployment string) *vouchers {
	for i, v := range j.seen {
		if v.root == root && v.folder == folder && v.deployment == deployment {
			j.seen = append(slices.Delete(j.seen, i, i+1), v)
			return v
		}
	}
	v := &vouchers{root: root, folder: folder, deployment: deployment, read: map[string]int64{}, lines: map[key][]At{}}
	if j.seen = append(j.seen, v); len(j.seen) > maxSeen {
		j.seen = slices.Delete(j.seen, 0, 1)
	}
	return v
}

// update reads what was appended to the manifests.
func (v *vouchers) update(root fs.FS) error {
	names, err := Manifests(root, v.folder)
	if err != nil {
		return err
	}
	for _, name := range names {
		next, err := ReadManifest(root, name, v.read[name], func(at At, l Line, damage error) error {
			if damage == nil && l.Deployment == v.deployment {
				v.lines[l.key()] = append(v.lines[l.key()], at)
			}
			return nil
		})
		if err != nil {
			return err
		}
		v.read[name] = next
	}
	return nil
}

// fileSum returns the size and the hash of a file.
func fileSum(root *os.Root, name string) (size int64, hash string, err error) {
	f, err := root.Open(name)
	if err != nil {
		return 0, "", err
	}
	defer f.Close()
	d := xxhash.New()
	if size, err = io.Copy(d, f); err != nil {
		return 0, "", err
	}
	return size, Hash(d.Sum64()), nil
}
