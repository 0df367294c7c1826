package app

import (
	"io"
	"os"
	"path/filepath"
	"strings"

	"github.com/google/renameio/v2/maybe"
)

// anyDeployment lets a worker serve every deployment.
const anyDeployment = "any"

// maxDeployment bounds what is read of the file; an id has 26 characters.
const maxDeployment = 256

// deploymentFile is where a master with a broker of its own leaves the id of its
// state, so that a worker of the same folder knows its master: on the default port
// may be the broker of another one.
func deploymentFile(dataDir string) string { return filepath.Join(dataDir, "deployment") }

// leaveDeployment writes the file, without waiting for the disk. A reader finds the
// old id or the new one.
func (n *node) leaveDeployment(id string) {
	n.notes.Go(func() {
		if err := maybe.WriteFile(deploymentFile(n.s.DataDir), []byte(id+"\n"), 0o600); err != nil {
			n.log.Warn("the id of this deployment cannot be left for workers in DATA_DIR", "err", err)
		}
	})
}

// ownDeployment returns what tells the deployment of a worker: the flag, or the
// file that the master of the same folder left; nothing when the broker is not
// that master's.
func ownDeployment(flag, dataDir string, embedded bool) func() string {
	switch {
	case flag == anyDeployment:
		return nil
	case flag != "":
		return func() string { return flag }
	case !embedded:
		return nil
	}
	return func() string {
		f, err := os.Open(deploymentFile(dataDir))
		if err != nil {
			return ""
		}
		defer f.Close()
		text, err := io.ReadAll(io.LimitReader(f, maxDeployment))
		if err != nil {
			return ""
		}
		return strings.TrimSpace(string(text))
	}
}
