package worker

import (
	"errors"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestItemCommandWords(t *testing.T) {
	t.Parallel()
	for line, want := range map[string][]string{
		"probe {}":                        {"probe", "{}"},
		"probe":                           {"probe"},
		`probe --to='{}' "a b" c\ d`:      {"probe", "--to={}", "a b", "c d"},
		`curl http://x/?q={}`:             {"curl", "http://x/?q={}"},
		`a "\"\\\$x\e" \\ \" \e`:          {"a", `"\$x\e`, `\`, `"`, "e"},
		`curl -s 'http://x/?a=1&q={}'`:    {"curl", "-s", "http://x/?a=1&q={}"},
		`grep -P "\d+\.x" '\d'`:           {"grep", "-P", `\d+\.x`, `\d`},
		`sh -c 'probe "$1" | wc -l' - {}`: {"sh", "-c", `probe "$1" | wc -l`, "-", "{}"},
		`probe "" '' x`:                   {"probe", "", "", "x"},
		`probe *.txt [a-z] {} é`:          {"probe", "*.txt", "[a-z]", "{}", "é"},
	} {
		c, err := parseItemCommand(line, false)
		require.NoError(t, err, line)
		require.Equal(t, want, c.words, line)
		require.Equal(t, strings.Contains(line, "{}"), c.inArgs, line)
	}
}

func TestItemCommandsThatCannotBe(t *testing.T) {
	t.Parallel()
	for _, line := range []string{
		"probe {} | wc -l", "probe {}; true", "probe {} && true", "probe {} > out", "probe <<EOF\nx\nEOF", "A=1 probe {}", "A=1", "probe $HOME {}", `probe "${HOME}"`, "probe $(date)",
		"probe `date`", "probe {} &", "! probe {}", "if true; then probe {}; fi", "(probe {})", "probe $((1+1))", "~/bin/probe {}", "probe ~", "probe\nprobe {}",
	} {
		_, err := parseItemCommand(line, false)
		require.ErrorIs(t, err, ErrNeedsShell, line)
		_, err = parseItemCommand(line, true)
		require.NoError(t, err, line)
	}
	for _, line := range []string{"", "  ", "# nothing", "probe 'x", `probe "x`, "probe $(", "| x", "if", "probe )"} {
		for _, shell := range []bool{false, true} {
			_, err := parseItemCommand(line, shell)
			require.Error(t, err, line)
			require.NotErrorIs(t, err, ErrNeedsShell, line)
		}
	}
	_, err := parseItemCommand("echo $(({} + 1))", true)
	require.ErrorContains(t, err, "$(( ))")
	for _, line := range []string{"{}", "./{} x", "'{}'"} {
		_, err := parseItemCommand(line, false)
		require.ErrorContains(t, err, "cannot be the program", line)
	}
}

// hostileItem would do harm if a shell parsed it.
const hostileItem = `a 'b' "c" $(touch hacked) ; touch hacked2 ` + "`touch hacked3`" + ` \ * $HOME & | > hacked4 -n é`

// An item is one argument, whatever it contains and wherever it stands.
func TestItemIsOneArgument(t *testing.T) {
	dir := t.TempDir()
	show := dir + "/show"
	require.NoError(t, os.WriteFile(show, []byte("#!/bin/sh\nfor x do printf '<%s>' \"$x\"; done\n"), 0o755))
	i := hostileItem
	for line, want := range map[string]string{
		"./show {}":                         "<" + i + ">",
		"./show '{}' \"{}\" x{}y":           "<" + i + "><" + i + "><x" + i + "y>",
		"./show {}{} a":                     "<" + i + i + "><a>",
		"./show 'a {} b' \"c {} d\"":        "<a " + i + " b><c " + i + " d>",
		"sh -c './show \"$1\" \"$@\"' - {}": "<" + i + "><" + i + ">",
		`./show "it's {}" 'say "{}"'`:       "<it's " + i + `><say "` + i + `">`,
		`./show \{\} x`:                     "<{}><x>",
	} {
		if strings.Contains(line, `\{`) {
			want = strings.Replace(want, "{}", i, 1) // without a shell there is no way to say {}
		}
		require.Equal(t, want, outputOf(t, dir, line, false, i), line)
	}
	for line, want := range map[string]string{
		"./show {}":                                          "<" + i + ">",
		"./show '{}' \"{}\" x{}y":                            "<" + i + "><" + i + "><x" + i + "y>",
		`./show "$(./show {})" "$(./show "{}")"`:             "<<" + i + ">><<" + i + ">>",
		"f() { ./show {} \"$1\"; }; f x":                     "<" + i + "><x>",
		"./show \"$KM_ITEM\" {} | cat":                       "<" + i + "><" + i + ">",
		"cat <<EOF\n<{}>\nEOF\ntrue":                         "<" + i + ">\n",
		"cat <<'EOF'\n<{}>\nEOF\ntrue":                       "<{}>\n",
		"x={}; ./show \"$x\" > out; cat out":                 "<" + i + ">",
		`for x in {} b; do ./show "$x"; done`:                "<" + i + "><b>",
		"case {} in a*) ./show {};; esac":                    "<" + i + ">",
		"cat <<EOF - | cat; ./show {}\n<{}>\nEOF\n./show {}": "<" + i + ">\n<" + i + "><" + i + ">",
		`./show \{\} x {}`:                                   "<{}><x><" + i + ">",
	} {
		require.Equal(t, want, outputOf(t, dir, line, true, i), line)
	}
	found, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, found, 2, "show and out: %v", found)
}

func outputOf(t *testing.T, dir, line string, shell bool, item string) string {
	t.Helper()
	c, err := parseItemCommand(line, shell)
	require.NoError(t, err, line)
	cmd := c.prepare(item, os.Environ())
	cmd.Dir = dir
	out, err := cmd.Output()
	if err != nil && !errors.Is(err, os.ErrNotExist) {
		t.Errorf("%s: %v", line, err)
	}
	return string(out)
}
