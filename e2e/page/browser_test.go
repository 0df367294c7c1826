// Package page tests the page in a browser: Debian's Chromium, driven by playwright-core.
package page

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// steps are what a script may ask for while it runs, by name. Each gets an argument and
// returns what the script wants to know.
type steps map[string]func(argument string) (string, error)

// script runs a script of this folder in a browser that shows the page at url.
func script(t *testing.T, name, url string, all steps) {
	t.Helper()
	chromium := needBrowser(t)
	control := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		argument, _ := io.ReadAll(r.Body)
		step := all[strings.TrimPrefix(r.URL.Path, "/")]
		if step == nil {
			http.Error(w, "there is no such step", http.StatusNotFound)
			return
		}
		answer, err := step(string(argument))
		if err != nil {
			http.Error(w, err.Error(), http.StatusInternalServerError)
			return
		}
		fmt.Fprint(w, answer)
	}))
	defer control.Close()
	cmd := exec.CommandContext(t.Context(), "node", name)
	cmd.Env = append(os.Environ(), "PAGE_URL="+url, "PAGE_CONTROL="+control.URL, "PAGE_CHROMIUM="+chromium, "PAGE_SHOTS="+shots(t))
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
	t.Logf("%s", out)
}

// shots returns the folder for screenshots, which UPDATE=1 makes for the documentation.
func shots(t *testing.T) string {
	t.Helper()
	if os.Getenv("UPDATE") == "" {
		return ""
	}
	dir, err := filepath.Abs("../../docs/page")
	require.NoError(t, err)
	require.NoError(t, os.MkdirAll(dir, 0o755))
	return dir
}

// needBrowser returns the path of the browser. Without it, Node.js or its packages the test is
// skipped; in CI that is a failure.
func needBrowser(t *testing.T) string {
	t.Helper()
	if testing.Short() {
		t.Skip("it starts a browser")
	}
	missing := "Node.js"
	if _, err := exec.LookPath("node"); err == nil {
		missing = "node_modules in e2e/page"
		if _, err := os.Stat("node_modules/playwright-core"); err == nil {
			missing = "Chromium"
			if path, err := exec.LookPath("chromium"); err == nil {
				return path
			}
		}
	}
	if os.Getenv("CI") == "true" {
		t.Fatalf("CI must test the page in a browser, missing: %s; cure: make page-install", missing)
	}
	t.Skipf("missing: %s; make page-install installs it", missing)
	return ""
}
