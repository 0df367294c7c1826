package worker

import (
	"cmp"
	"errors"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"mvdan.cc/sh/v3/syntax"
)

const (
	placeholder = "{}"
	// itemVariable holds the item for a command that a shell runs. The item is never
	// part of what the shell parses, so it cannot become a command.
	itemVariable = "KM_ITEM"
)

// itemCommand is the command that is run for each item.
type itemCommand struct {
	words  []string // the program and its arguments
	inArgs bool     // the item belongs into the arguments, else to the standard input
	shell  bool     // the item is in itemVariable instead of the words
}

// ErrNeedsShell is the error of EachHandler for a command that only a shell can run.
var ErrNeedsShell = errors.New("needs a shell")

// parseItemCommand parses the command line of EachConfig.
func parseItemCommand(line string, shell bool) (itemCommand, error) {
	script, err := syntax.NewParser(syntax.Variant(syntax.LangPOSIX)).Parse(strings.NewReader(line), "")
	switch {
	case err != nil:
		if at, ok := errors.AsType[syntax.ParseError](err); ok {
			err = errors.New(at.Text) // without the position
		}
		return itemCommand{}, err
	case len(script.Stmts) == 0:
		return itemCommand{}, errors.New("it is empty")
	case shell:
		return shellCommand(line, script)
	}
	words, err := plainWords(script)
	if err != nil {
		return itemCommand{}, err
	}
	if strings.Contains(words[0], placeholder) {
		return itemCommand{}, fmt.Errorf("an item cannot be the program: %s", words[0])
	}
	inArgs := slices.ContainsFunc(words, func(w string) bool { return strings.Contains(w, placeholder) })
	return itemCommand{words: words, inArgs: inArgs}, nil
}

// plainWords returns the words of a script that is one command without anything that
// needs a shell.
func plainWords(script *syntax.File) ([]string, error) {
	stmt := script.Stmts[0]
	call, ok := stmt.Cmd.(*syntax.CallExpr)
	switch {
	case len(script.Stmts) > 1, !ok:
		return nil, fmt.Errorf("more than one command %w", ErrNeedsShell)
	case len(stmt.Redirs) > 0:
		return nil, fmt.Errorf("%s %w", stmt.Redirs[0].Op, ErrNeedsShell)
	case len(call.Assigns) > 0:
		return nil, fmt.Errorf("%s= before the command %w", call.Assigns[0].Name.Value, ErrNeedsShell)
	case stmt.Background, stmt.Negated:
		return nil, fmt.Errorf("& or ! %w", ErrNeedsShell)
	}
	words := make([]string, len(call.Args))
	for i, word := range call.Args {
		var err error
		if words[i], err = plainText(word.Parts, special); err != nil {
			return nil, err
		}
		if first, ok := word.Parts[0].(*syntax.Lit); ok && strings.HasPrefix(first.Value, "~") {
			return nil, fmt.Errorf("~ %w", ErrNeedsShell)
		}
	}
	return words, nil
}

// The characters before which a backslash is removed: all of them outside of quotes, and
// these within double quotes.
const (
	special       = ""
	specialQuoted = "\"\\$`"
)

// plainText returns the text of a word without its quotes.
func plainText(parts []syntax.WordPart, special string) (string, error) {
	var out strings.Builder
	for _, part := range parts {
		switch x := part.(type) {
		case *syntax.Lit:
			out.WriteString(unescaped(x.Value, special))
		case *syntax.SglQuoted:
			out.WriteString(x.Value)
		case *syntax.DblQuoted:
			text, err := plainText(x.Parts, specialQuoted)
			if err != nil {
				return "", err
			}
			out.WriteString(text)
		case *syntax.ParamExp:
			return "", fmt.Errorf("$%s %w", x.Param.Value, ErrNeedsShell)
		default:
			return "", fmt.Errorf("$( or ` %w", ErrNeedsShell)
		}
	}
	return out.String(), nil
}

// unescaped removes the backslashes that quote a special character; "" stands for all.
func unescaped(text, special string) string {
	var out strings.Builder
	for i := 0; i < len(text); i++ {
		if text[i] == '\\' && i+1 < len(text) && (special == "" || strings.IndexByte(special, text[i+1]) >= 0) {
			i++
		}
		out.WriteByte(text[i])
	}
	return out.String()
}

// literal is a literal of a script, and what a placeholder in it becomes.
type literal struct {
	from, to int
	with     string
}

// shellCommand returns the script for sh. Each placeholder becomes the variable with the
// item, in quotes of its own where it is not within double quotes.
func shellCommand(line string, script *syntax.File) (itemCommand, error) {
	all, err := literals(line, script)
	if err != nil {
		return itemCommand{}, err
	}
	slices.SortFunc(all, func(a, b literal) int { return cmp.Compare(a.from, b.from) }) // here-documents come first
	var out strings.Builder
	copied := 0
	for _, l := range all {
		out.WriteString(line[copied:l.from])
		out.WriteString(strings.ReplaceAll(line[l.from:l.to], placeholder, l.with))
		copied = l.to
	}
	out.WriteString(line[copied:])
	text := out.String()
	return itemCommand{words: []string{"sh", "-c", text}, inArgs: text != line, shell: true}, nil
}

// literals returns the literals of a script.
func literals(line string, script *syntax.File) (all []literal, err error) {
	const bare, inDouble, inSingle = `"$` + itemVariable + `"`, "${" + itemVariable + "}", `'"$` + itemVariable + `"'`
	quoted := map[syntax.WordPart]bool{}
	mark := func(parts []syntax.WordPart) {
		for _, part := range parts {
			quoted[part] = true
		}
	}
	add := func(node syntax.Node, with string) {
		all = append(all, literal{int(node.Pos().Offset()), int(node.End().Offset()), with})
	}
	syntax.Walk(script, func(node syntax.Node) bool {
		switch x := node.(type) {
		case *syntax.ArithmExp:
			if strings.Contains(line[x.Pos().Offset():x.End().Offset()], placeholder) {
				err = errors.New("an item cannot be a part of $(( ))")
			}
		case *syntax.DblQuoted:
			mark(x.Parts)
		case *syntax.Redirect:
			if x.Hdoc != nil && isQuoted(x.Word) {
				return false // the text of a here-document with a quoted end stays as it is
			} else if x.Hdoc != nil {
				mark(x.Hdoc.Parts) // quotes are ordinary characters there
			}
		case *syntax.SglQuoted:
			add(x, inSingle)
		case *syntax.Lit:
			if quoted[x] {
				add(x, inDouble)
			} else {
				add(x, bare)
			}
		}
		return true
	})
	return all, err
}

// isQuoted reports whether a part of the word is quoted.
func isQuoted(word *syntax.Word) bool {
	return slices.ContainsFunc(word.Parts, func(part syntax.WordPart) bool {
		lit, ok := part.(*syntax.Lit)
		return !ok || strings.Contains(lit.Value, `\`)
	})
}

// prepare returns the process for an item, with a copy of the environment.
func (c itemCommand) prepare(item string, env []string) *exec.Cmd {
	words := c.words
	if c.inArgs && !c.shell {
		words = slices.Clone(words)
		for i := range words[1:] {
			words[i+1] = strings.ReplaceAll(words[i+1], placeholder, item)
		}
	}
	cmd := exec.Command(words[0], words[1:]...)
	cmd.Env = slices.Clip(env)
	if c.inArgs && c.shell {
		cmd.Env = append(cmd.Env, itemVariable+"="+item)
	}
	return cmd
}

// places returns how often the item stands in the arguments, or in the environment.
func (c itemCommand) places() (n int) {
	switch {
	case !c.inArgs:
		return 0
	case c.shell:
		return 1
	}
	for _, w := range c.words[1:] {
		n += strings.Count(w, placeholder)
	}
	return n
}

// input returns what the process reads.
func (c itemCommand) input(item string) []string {
	if c.inArgs {
		return nil
	}
	return []string{item}
}
