package settings

import (
	"errors"
	"slices"
	"strings"

	"github.com/spf13/pflag"
)

// Flags returns a flag for each variable that is not a secret, or only for those with the
// given names. All flags accept any text, so that Load can report wrong values together with
// the other mistakes.
func Flags(names ...string) *pflag.FlagSet {
	f := pflag.NewFlagSet("settings", pflag.ContinueOnError)
	f.SortFlags = false
	for _, v := range Variables() {
		if v.Secret || len(names) > 0 && !slices.Contains(names, v.Name) {
			continue
		}
		usage := strings.ReplaceAll(v.Doc, "`", "'")
		if v.Default != "" {
			usage += " Default " + v.Default + "."
		}
		f.Var(new(text), v.Flag, usage)
		if v.Allowed == "true or false" {
			f.Lookup(v.Flag).NoOptDefVal = "true"
		}
	}
	return f
}

// text is the value of a flag as it was written, without a default.
type text string

func (t *text) String() string     { return string(*t) }
func (t *text) Set(s string) error { *t = text(s); return nil }
func (*text) Type() string         { return "value" }

// FlagError turns an error of pflag about a command line into Mistakes with a hint. It can
// be used for cobra's SetFlagErrorFunc. Other errors, such as pflag.ErrHelp, are returned
// unchanged.
func FlagError(flags *pflag.FlagSet, err error) error {
	if unknown, ok := errors.AsType[*pflag.NotExistError](err); ok {
		return Mistakes{unknownFlag(flags, unknown)}
	}
	if bare, ok := errors.AsType[*pflag.ValueRequiredError](err); ok {
		return Mistakes{{Name: "--" + bare.GetSpecifiedName(), Problem: "has no value"}}
	}
	return err
}

func unknownFlag(flags *pflag.FlagSet, e *pflag.NotExistError) Mistake {
	if group := e.GetSpecifiedShortnames(); group != "" {
		// The rest of the group is not shown, since it may be a secret.
		return Mistake{Name: "-" + e.GetSpecifiedName(), Problem: "is not a flag; flags begin with two dashes, and what begins with a dash and is no flag stands behind --"}
	}
	flag, _, _ := strings.Cut(e.GetSpecifiedName(), "=")
	m := Mistake{Name: "--" + flag, Problem: "is not a flag"}
	for _, v := range Variables() {
		if v.Secret && flagName(v.Name) == strings.TrimSuffix(strings.ToLower(flag), "-file") {
			m.Problem = "is a secret and has no flag: set " + v.Name + " or " + v.Name + "_FILE in the environment"
			return m
		}
	}
	var names []string
	flags.VisitAll(func(f *pflag.Flag) { names = append(names, f.Name) })
	if hint := nearest(flagName(flag), names); hint != "" {
		m.Problem += "; did you mean --" + hint + "?"
	} else {
		m.Problem += "; --help shows all"
	}
	return m
}

// nearest returns the most similar name, or nothing if none is similar.
func nearest(word string, names []string) string {
	best, least := "", min(3, max(1, len(word)/3))+1
	for _, n := range names {
		if d := distance(word, n); d < least {
			best, least = n, d
		}
	}
	return best
}

// distance returns the number of letters to insert, delete or replace to get from a to b.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		above := row[0]
		row[0] = i + 1
		for j := range len(b) {
			cost := above
			if a[i] != b[j] {
				cost = 1 + min(above, row[j], row[j+1])
			}
			above, row[j+1] = row[j+1], cost
		}
	}
	return row[len(b)]
}
