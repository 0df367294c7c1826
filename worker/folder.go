package worker

import (
	"os"
	"path/filepath"

	"kafka-master/infra/results"
)

// makeFolder creates the folder and its missing parents, durably.
func makeFolder(name string) error {
	if info, err := os.Stat(name); err == nil && info.IsDir() {
		return nil
	}
	parent := filepath.Dir(name)
	if parent != name {
		if err := makeFolder(parent); err != nil {
			return err
		}
	}
	if err := os.Mkdir(name, 0o755); err != nil {
		if info, serr := os.Stat(name); serr == nil && info.IsDir() {
			return nil // another worker has created it meanwhile
		}
		return err
	}
	return results.SyncFolder(os.Open, parent)
}
