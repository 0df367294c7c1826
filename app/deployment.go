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

// maxDeployment bounds the bytes that are read from the file; an id has 26 characters.
const maxDeployment = 256

// deploymentFile returns the file in which a master with an embedded broker stores the id of
// its state. A worker with the same folder recognises its master by it, since the broker on
// the default port may be that of another master.
func deploymentFile(dataDir string) string { return filepath.Join(dataDir, "deployment") }

// leaveDeployment writes the file in the background. A reader gets the old or the new id.
func (n *node) leaveDeployment(id string) {
	n.writes.Go(func() {
		if err := maybe.WriteFile(deploymentFile(n.s.DataDir), []byte(id+"\n"), 0o600); err != nil {
			n.log.Warn("the id of this deployment cannot be stored in DATA_DIR for workers", "err", err)
		}
	})
}

// ownDeployment returns a function that returns the deployment of a worker: the flag, or the
// content of the file that the master of the same folder has stored. It returns nil if the
// worker serves any deployment, or if the broker is not that of the master.
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
