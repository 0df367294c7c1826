package e2e

import (
	"cmp"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"kafka-master/messages"
)

// Alarms are made on the kinds of problems, so each is explained with its cause and
// its cure.
func TestEveryProblemIsExplained(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/alarms.md")
	require.NoError(t, err)
	for _, kind := range messages.ProblemKinds() {
		require.Contains(t, string(text), "| `"+string(kind)+"` |")
	}
}

// Programs decide by the reasons why something does not run, so each is explained.
func TestEveryReasonIsExplained(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../docs/states.md")
	require.NoError(t, err)
	for _, reason := range messages.Reasons() {
		require.Contains(t, string(text), "| `"+string(reason)+"` |")
	}
}

// Every relative link of every page leads to a file, and every anchor to a heading.
func TestLinksOfThePages(t *testing.T) {
	t.Parallel()
	all := readPages(t)
	require.Greater(t, len(all), 20)
	n := 0
	for at, p := range all {
		for _, link := range linkPattern.FindAllStringSubmatch(p.prose, -1) {
			target, anchor, _ := strings.Cut(link[1], "#")
			if strings.Contains(target, "://") {
				continue
			}
			n++
			to := at
			if target != "" {
				to = filepath.Join(filepath.Dir(at), target)
			}
			_, err := os.Stat(to)
			require.NoError(t, err, "%s links to %s", at, link[1])
			if anchor != "" {
				require.Contains(t, all[to].anchors, anchor, "%s links to %s", at, link[1])
			}
		}
	}
	require.Greater(t, n, 100)
}

// A reader who starts at the README reaches every page of docs.
func TestReadmeLeadsToEveryPage(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../README.md")
	require.NoError(t, err)
	pages, err := filepath.Glob("../docs/*.md")
	require.NoError(t, err)
	for _, p := range pages {
		require.Contains(t, string(text), "(docs/"+filepath.Base(p)+")")
	}
}

// Go files that a page names exist.
func TestFilesThatPagesName(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile("`((?:[a-z_0-9]+/)+[a-z_0-9]+\\.go)`")
	n := 0
	for at, p := range readPages(t) {
		for _, m := range named.FindAllStringSubmatch(p.prose, -1) {
			n++
			_, err := os.Stat(filepath.Join("..", m[1]))
			require.NoError(t, err, "%s names it", at)
		}
	}
	require.Greater(t, n, 10)
}

// Functions, types and messages that the pages about the code name exist: a renamed
// one leaves no page behind.
func TestNamesThatPagesUse(t *testing.T) {
	t.Parallel()
	code := map[string]bool{}
	declared := regexp.MustCompile(`(?m)^(?:func|type) (?:\(\w+ \*?(\w+)\) )?(\w+)`)
	word := regexp.MustCompile(`\w+`)
	require.NoError(t, filepath.WalkDir("..", func(path string, _ fs.DirEntry, err error) error {
		if err != nil || filepath.Ext(path) != ".go" {
			return err
		}
		source, err := os.ReadFile(path)
		for _, w := range word.FindAll(source, -1) {
			code[string(w)] = true
		}
		pkg := filepath.Base(filepath.Dir(path))
		for _, m := range declared.FindAllStringSubmatch(string(source), -1) {
			code[cmp.Or(strings.ToLower(m[1]), pkg)+"."+m[2]] = true
		}
		return err
	}))
	method := regexp.MustCompile("`(\\w+)\\.([A-Za-z]\\w*)(?:\\(\\))?`")
	other := regexp.MustCompile("`([a-z]+[A-Z]\\w*)(?:\\(\\))?`")
	pages, n := readPages(t), 0
	for _, at := range []string{"../docs/architecture.md", "../docs/internals.md", "../docs/states.md", "../CONTRIBUTING.md"} {
		for _, m := range method.FindAllStringSubmatch(pages[at].prose, -1) {
			if m[2] != "go" && m[2] != "md" {
				n++
				name := strings.ToLower(m[1]) + "." + m[2]
				require.True(t, code[name], "%s names %s", at, m[0])
			}
		}
		for _, m := range other.FindAllStringSubmatch(pages[at].prose, -1) {
			n++
			require.True(t, code[m[1]], "%s names %s", at, m[0])
		}
	}
	require.Greater(t, n, 30)
}

var (
	linkPattern    = regexp.MustCompile(`\[[^\]]*\]\(([^)\s]+)\)`)
	headingPattern = regexp.MustCompile(`(?m)^#+ (.+)$`)
	fencePattern   = regexp.MustCompile("(?ms)^```.*?^```$")
)

// page is a Markdown file: its text without blocks of code, and the anchors of its
// headings.
type page struct {
	prose   string
	anchors map[string]bool
}

func readPages(t *testing.T) map[string]page {
	t.Helper()
	all := map[string]page{}
	require.NoError(t, filepath.WalkDir("..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() && (strings.HasPrefix(d.Name(), ".") && d.Name() != ".." || d.Name() == "node_modules") {
			return fs.SkipDir
		}
		if filepath.Ext(path) != ".md" {
			return nil
		}
		text, err := os.ReadFile(path)
		prose := fencePattern.ReplaceAllString(string(text), "")
		all[path] = page{prose, anchors(prose)}
		return err
	}))
	return all
}

// anchors follows GitHub's rule: lower case, no punctuation, hyphens for spaces, and a
// number for a heading that repeats an earlier one.
func anchors(prose string) map[string]bool {
	all := map[string]bool{}
	for _, h := range headingPattern.FindAllStringSubmatch(prose, -1) {
		base := strings.Map(func(r rune) rune {
			switch {
			case r == ' ':
				return '-'
			case r == '-', r == '_', unicode.IsLetter(r), unicode.IsDigit(r):
				return unicode.ToLower(r)
			}
			return -1
		}, h[1])
		name := base
		for i := 1; all[name]; i++ {
			name = base + "-" + strconv.Itoa(i)
		}
		all[name] = true
	}
	return all
}
