package settings

import (
	"fmt"
	"io"
	"text/tabwriter"
)

// Line describes a variable for `kafka-master config`.
type Line struct {
	Name   string
	Value  string // value in force; three stars for a secret that is set
	Source string // one of the Source constants, or the variable with the path of a secret
	Doc    string
	Secret bool
}

// Describe returns all variables with the values in force. Secrets are masked.
func (s Settings) Describe() []Line {
	var all []Line
	for _, v := range Variables() {
		x := s.values[v.Name]
		if v.Secret && x.source != SourceDefault && x.source != "" {
			x.text = mask
		}
		all = append(all, Line{Name: v.Name, Value: x.text, Source: x.source, Doc: v.Doc, Secret: v.Secret})
	}
	return all
}

// Print writes the lines as an aligned table.
func Print(w io.Writer, lines []Line) error {
	t := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "NAME\tVALUE\tSOURCE\tWHAT IT DOES")
	for _, l := range lines {
		text := "-"
		if l.Value != "" {
			text = shown(l.Value)
		}
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\n", l.Name, text, l.Source, l.Doc)
	}
	if err := t.Flush(); err != nil {
		return fmt.Errorf("print settings: %w", err)
	}
	return nil
}
