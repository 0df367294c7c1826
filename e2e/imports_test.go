package e2e

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// allowed lists what each of our packages may import beside the standard library. A package
// that is not listed may import nothing else.
var allowed = map[string][]string{
	"":                 {"app"}, // main.go
	"messages":         {},
	"actors":           {"messages", "actors/catalog", "actors/cutter", "actors/forecast", "actors/ledger", "actors/slots", "infra/failpoint", "github.com/asynkron/protoactor-go/actor", "github.com/asynkron/protoactor-go/extensions", "github.com/cespare/xxhash/v2", "github.com/orcaman/concurrent-map"},
	"actors/catalog":   {"messages"},
	"actors/cutter":    {"messages", "github.com/cespare/xxhash/v2"},
	"actors/forecast":  {"messages"},
	"actors/ledger":    {"messages", "github.com/cespare/xxhash/v2"},
	"actors/slots":     {"messages"},
	"infra/failpoint":  {},
	"infra/recordset":  {"github.com/klauspost/compress", "github.com/pierrec/lz4/v4", "github.com/twmb/franz-go/pkg/kbin"},
	"infra/kafkabus":   {"messages", "infra/recordset", "github.com/segmentio/kafka-go", "github.com/twmb/franz-go/pkg/kbin", "github.com/cenkalti/backoff/v5"},
	"infra/results":    {"messages", "github.com/cespare/xxhash/v2"},
	"infra/redisstore": {"messages", "github.com/redis/go-redis/v9"},
	"infra/logstore":   {"messages", "github.com/syndtr/goleveldb/leveldb/journal", "github.com/gofrs/flock", "go.etcd.io/bbolt"},
	"infra/inputfile":  {"messages", "github.com/cespare/xxhash/v2"},
	"infra/localfiles": {"messages", "infra/inputfile"},
	"infra/smbfiles":   {"messages", "infra/inputfile", "github.com/hirochachacha/go-smb2", "github.com/cespare/xxhash/v2"},
	"infra/embedded":   {"messages", "infra/recordset", "github.com/twmb/franz-go", "github.com/gofrs/flock"},
	"infra/settings":   {"messages", "github.com/spf13/pflag", "github.com/joho/godotenv", "github.com/dustin/go-humanize"},
	"httpapi":          {"messages", "github.com/gin-gonic/gin", "github.com/danielgtaylor/huma/v2", "github.com/prometheus/client_golang/prometheus"},
	"console":          {"messages", "github.com/schollz/progressbar/v3", "github.com/mattn/go-isatty", "github.com/dustin/go-humanize"},
	"worker":           {"messages", "infra/failpoint", "infra/kafkabus", "infra/results", "github.com/cenkalti/backoff/v5", "github.com/gofrs/flock", "github.com/google/uuid", "mvdan.cc/sh/v3/syntax"},
	"doctor":           {"messages"},
	"proof":            {"messages", "github.com/cespare/xxhash/v2"},
	"web":              {},
	"selftest":         {"messages", "generate"},
	"generate":         {},
}

// The page shows the rule as it is checked. UPDATE=1 writes it.
func TestImportTable(t *testing.T) {
	t.Parallel()
	const path, begin, end = "../docs/architecture.md", "<!-- imports -->\n", "<!-- end of imports -->\n"
	page, err := os.ReadFile(path)
	require.NoError(t, err)
	head, rest, ok := strings.Cut(string(page), begin)
	require.True(t, ok)
	_, tail, ok := strings.Cut(rest, end)
	require.True(t, ok)
	want := head + begin + importTable() + end + tail
	if os.Getenv("UPDATE") != "" {
		require.NoError(t, os.WriteFile(path, []byte(want), 0o644))
		return
	}
	require.Equal(t, want, string(page), "write it again: UPDATE=1 go test -run ImportTable ./e2e")
}

func importTable() string {
	var b strings.Builder
	b.WriteString("| package | may import |\n|---|---|\n")
	for _, pkg := range slices.Sorted(maps.Keys(allowed)) {
		list := "–"
		if len(allowed[pkg]) > 0 {
			list = "`" + strings.Join(allowed[pkg], "`, `") + "`"
		}
		fmt.Fprintf(&b, "| `%s` | %s |\n", cmp.Or(pkg, "main"), list)
	}
	return b.String()
}

// free reports whether a package wires or tests the others, and so may import them.
func free(pkg string) bool {
	return pkg == "app" || pkg == "e2e" || strings.HasPrefix(pkg, "infra/infratest") || strings.HasPrefix(pkg, "bench") || strings.HasPrefix(pkg, "examples/")
}

func TestImportRules(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Standard", "kafka-master/...").Output()
	require.NoError(t, err)
	seen := map[string]bool{}
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p struct {
			ImportPath string
			Imports    []string
		}
		if err := dec.Decode(&p); err == io.EOF {
			break
		} else {
			require.NoError(t, err)
		}
		pkg := strings.TrimPrefix(strings.TrimPrefix(p.ImportPath, "kafka-master"), "/")
		seen[pkg] = true
		for _, imp := range p.Imports {
			own, ours := strings.CutPrefix(imp, "kafka-master/")
			require.False(t, strings.HasPrefix(own, "actors/") && pkg != "actors", "%s is for actors only, not for %s", imp, pkg)
			if free(pkg) {
				continue
			}
			if !ours && !strings.Contains(strings.SplitN(imp, "/", 2)[0], ".") {
				continue // the standard library
			}
			ok := slices.ContainsFunc(allowed[pkg], func(a string) bool {
				return own == a || imp == a || strings.HasPrefix(imp, a+"/")
			})
			require.True(t, ok, "%s must not import %s", pkg, imp)
		}
	}
	for pkg := range allowed {
		require.True(t, seen[pkg], "the rule names %s, which is no package", pkg)
	}
	require.Greater(t, len(seen), len(allowed))
}
