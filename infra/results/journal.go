package results

import (
	"errors"
	"io/fs"
	"os"
	"path"
	"sync"

	"kafka-master/messages"
)

// maxKept bounds the manifests that a Journal remembers. A forgotten one costs a sync.
const maxKept = 1000

// Journal appends to the manifests of one results folder. Lines that are appended at the
// same time share one write and one sync, whichever workers of the process they are from,
// and so do the syncs of folders. Its zero value is ready for use.
type Journal struct {
	appends, folders group

	mu   sync.Mutex
	name string          // of this process's manifest, in every folder
	kept map[string]bool // manifests and folders whose entry is known to be durable
	seen []*vouchers
}

// Append appends the line to this process's manifest of the folder, durably. The manifest
// has the name of the first worker that appended one. What else has to be durable before
// the result may be put in place is synced at the same time, which costs a file system
// little more than one sync; so is the folder's own entry, once for each process.
func (j *Journal) Append(root *os.Root, folder string, l Line, syncs ...func() error) error {
	name := path.Join(folder, ManifestFolder, j.manifest(l.Worker))
	syncs = append(syncs, func() error { return j.Keep(root, folder) }, func() error {
		return j.appends.do(root.Name()+"\x00"+name, l.Encode(), func(lines [][]byte) error { return j.write(root, name, lines) })
	})
	return together(syncs...)
}

// Keep makes the entry of the file's folder durable, once for each process: whoever
// created it may not have done so yet.
func (j *Journal) Keep(root *os.Root, folder string) error { return j.keep(root, folder, false) }

// together runs functions at the same time and returns all errors.
func together(run ...func() error) error {
	errs := make([]error, len(run))
	var all sync.WaitGroup
	for i, f := range run[1:] {
		all.Go(func() { errs[i+1] = f() })
	}
	errs[0] = run[0]()
	all.Wait()
	return errors.Join(errs...)
}

func (j *Journal) manifest(worker string) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.name == "" {
		j.name = messages.ResultFolder(worker) + Suffix
	}
	return j.name
}

// SyncFolder makes the entries of a folder durable. Calls at the same time share a sync.
func (j *Journal) SyncFolder(root *os.Root, folder string) error {
	return j.folders.do(root.Name()+"\x00"+folder, nil, func([][]byte) error { return SyncFolder(root.Open, folder) })
}

// write appends lines to a manifest, in one write, and syncs it.
func (j *Journal) write(root *os.Root, name string, lines [][]byte) (err error) {
	f, created, err := openManifest(root, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, f.Close()) }()
	text, err := lineEnd(f)
	if err != nil {
		return err
	}
	for _, l := range lines {
		text = append(text, l...)
	}
	if _, err := f.Write(text); err != nil {
		return err
	}
	return together(f.Sync, func() error { return j.keep(root, name, created) })
}

// keep makes the entry of a manifest or folder durable, if it was just created or this
// process does not know that it is: another one may have been killed before it did that.
func (j *Journal) keep(root *os.Root, name string, created bool) error {
	id := root.Name() + "\x00" + name
	j.mu.Lock()
	known := j.kept[id]
	j.mu.Unlock()
	if known && !created {
		return nil
	}
	if err := j.SyncFolder(root, path.Dir(name)); err != nil {
		return err
	}
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.kept == nil || len(j.kept) >= maxKept {
		j.kept = map[string]bool{}
	}
	j.kept[id] = true
	return nil
}

// openManifest opens a manifest for appending.
func openManifest(root *os.Root, name string) (f *os.File, created bool, err error) {
	f, err = root.OpenFile(name, os.O_RDWR|os.O_APPEND, 0)
	if !errors.Is(err, fs.ErrNotExist) {
		return f, false, err
	}
	if _, err := MakeFolder(root, path.Dir(name)); err != nil {
		return nil, false, err
	}
	f, err = root.OpenFile(name, os.O_RDWR|os.O_APPEND|os.O_CREATE, 0o644)
	return f, true, err
}

// lineEnd returns what has to stand before the next line: a line end after a line that
// was cut off.
func lineEnd(f *os.File) ([]byte, error) {
	info, err := f.Stat()
	if err != nil || info.Size() == 0 {
		return nil, err
	}
	last := make([]byte, 1)
	if _, err := f.ReadAt(last, info.Size()-1); err != nil {
		return nil, err
	}
	if last[0] != '\n' {
		return []byte{'\n'}, nil
	}
	return nil, nil
}
