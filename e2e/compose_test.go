package e2e

import (
	"os"
	"os/exec"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/settings"
)

// Every variable that docker-compose.yml takes from .env is in the sample, with the same
// default.
func TestComposeVariablesAreInTheSample(t *testing.T) {
	t.Parallel()
	compose, err := os.ReadFile("../docker-compose.yml")
	require.NoError(t, err)
	sample, err := os.ReadFile("../.env.example")
	require.NoError(t, err)
	used := regexp.MustCompile(`\$\{([A-Z0-9_]+):-([^}]*)\}`).FindAllStringSubmatch(string(compose), -1)
	require.NotEmpty(t, used)
	require.Len(t, used, strings.Count(string(compose), "${"), "a variable has no default")
	for _, u := range used {
		require.Contains(t, string(sample), "\n#"+u[1]+"="+u[2]+"\n")
	}
}

// A worker runs foreign programs. It gets the variables that it needs, but not those in .env
// for the masters.
func TestComposeWorkersGetNoSecretsOfTheMasters(t *testing.T) {
	t.Parallel()
	compose, err := os.ReadFile("../docker-compose.yml")
	require.NoError(t, err)
	_, worker, found := strings.Cut(string(compose), "x-worker-environment:")
	require.True(t, found)
	worker, _, _ = strings.Cut(worker, "\nservices:")
	node, _, _ := strings.Cut(string(compose), "x-master:")
	_, node, found = strings.Cut(node, "x-node:")
	require.True(t, found)
	require.NotContains(t, worker, "env_file")
	require.NotContains(t, node, "env_file")
	for _, name := range settings.SecretNames() {
		if !strings.HasPrefix(name, "KAFKA_") {
			require.NotContains(t, worker, name)
		}
	}
	services := regexp.MustCompile(`(?m)^  worker-[0-9]+:\n(?:    .*\n)+`).FindAllString(string(compose), -1)
	require.Len(t, services, 4)
	for _, s := range services {
		require.Contains(t, s, "<<: *worker-environment")
		require.NotContains(t, s, "env_file")
	}
}

// Every folder with a package of the program is available when the image is built.
func TestImageHasEveryPackage(t *testing.T) {
	t.Parallel()
	ignore, err := os.ReadFile("../.dockerignore")
	require.NoError(t, err)
	list := exec.Command("go", "list", "-deps", ".")
	list.Dir = ".."
	out, err := list.Output()
	require.NoError(t, err)
	found := 0
	for name := range strings.FieldsSeq(string(out)) {
		if path, ours := strings.CutPrefix(name, "kafka-master/"); ours {
			top, _, _ := strings.Cut(path, "/")
			require.Contains(t, string(ignore), "\n!"+top+"/\n")
			found++
		}
	}
	require.Greater(t, found, 5)
}
