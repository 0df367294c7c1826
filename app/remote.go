package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kafka-master/infra/settings"
	"kafka-master/messages"
)

// verb is a command that talks to a running master, any of them.
type verb struct {
	use, short, long, example string
	args                      cobra.PositionalArgs
	flags                     func(*pflag.FlagSet)
	// complete returns the values that an argument may have, for the shell. It may be nil.
	complete func(ctx context.Context, r *remote, args []string, typed string) []string
	// One of the two: print returns what is to be printed, in any form and with --watch; act
	// does something and prints what it did.
	print func(ctx context.Context, r *remote, args []string) (page, error)
	act   func(ctx context.Context, r *remote, args []string) error
	// answers reports that act prints an answer in any form, once.
	answers bool
}

// remote is a verb while it runs.
type remote struct {
	command
	api, output string
	every       time.Duration // of --watch, 0 without it
	client      *apiClient
	settings    settings.Settings
}

// outputs are the values of --output.
var outputs = []string{"table", "json", "tsv"}

// callsAPI marks commands that need only the settings for calls of the API.
const callsAPI = "calls-api"

const (
	minWatch = 200 * time.Millisecond
	// completeLimit bounds the call of a completion: a person waits for it.
	completeLimit = 2 * time.Second
)

// verb makes the command.
func (c command) verb(v verb) *cobra.Command {
	r := &remote{command: c}
	cmd := &cobra.Command{
		Use: v.use, Short: v.short, Long: v.long, Example: v.example, Args: v.args, Annotations: map[string]string{callsAPI: ""},
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := r.connect(cmd); err != nil {
				return err
			}
			if v.act != nil {
				return v.act(cmd.Context(), r, args)
			}
			return r.show(cmd.Context(), func(ctx context.Context) (page, error) { return v.print(ctx, r, args) })
		},
		ValidArgsFunction: r.completing(v.complete),
	}
	cmd.Flags().StringVar(&r.api, "api", "", "host:port of the API of any master (default: of the one on this machine)")
	if v.print != nil || v.answers {
		cmd.Flags().StringVarP(&r.output, "output", "o", "table", strings.Join(outputs, ", "))
		completeFlag(cmd, "output", outputs...)
	}
	if v.print != nil {
		cmd.Flags().DurationVar(&r.every, "watch", 0, "print again after this time (--watch alone: 2s) until Ctrl-C")
		cmd.Flags().Lookup("watch").NoOptDefVal = "2s"
	}
	if v.flags != nil {
		v.flags(cmd.Flags())
	}
	if cmd.Flags().Lookup("file") != nil {
		_ = cmd.RegisterFlagCompletionFunc("file", r.completing(completeFiles)) // the flag exists
	}
	return cmd
}

// completing makes a completion of what returns values.
func (r *remote) completing(values func(context.Context, *remote, []string, string) []string) cobra.CompletionFunc {
	return func(cmd *cobra.Command, args []string, typed string) ([]string, cobra.ShellCompDirective) {
		if values == nil || r.connect(cmd) != nil {
			return nil, cobra.ShellCompDirectiveNoFileComp
		}
		ctx, cancel := context.WithTimeout(cmd.Context(), completeLimit)
		defer cancel()
		return startingWith(values(ctx, r, args, typed), typed), cobra.ShellCompDirectiveNoFileComp
	}
}

// completeFlag has the shell complete the values of a flag.
func completeFlag(cmd *cobra.Command, name string, values ...string) {
	_ = cmd.RegisterFlagCompletionFunc(name, cobra.FixedCompletions(values, cobra.ShellCompDirectiveNoFileComp)) // the flag exists
}

// startingWith returns the values that begin with what was typed.
func startingWith(values []string, typed string) []string {
	return slices.DeleteFunc(values, func(s string) bool { return !strings.HasPrefix(s, typed) })
}

// connect checks the flags and makes the client.
func (r *remote) connect(cmd *cobra.Command) error {
	if r.output != "" && !slices.Contains(outputs, r.output) {
		return fmt.Errorf("%w: --output %q: must be %s", errUsage, r.output, strings.Join(outputs, ", "))
	}
	if cmd.Flags().Changed("watch") && r.every < minWatch {
		return fmt.Errorf("%w: --watch=%s: must be at least %s", errUsage, r.every, minWatch)
	}
	s, err := r.load(cmd)
	if err != nil {
		return err
	}
	r.settings = s
	r.client, err = newAPIClient(r.api, s)
	return err
}

// ownCommand makes a command of the program, as the master shows it, one that can be typed
// here: with the name by which the program was called, and for the same master.
func (r *remote) ownCommand(line string) string {
	args, ours := strings.CutPrefix(line, "kafka-master ")
	if !ours {
		return line
	}
	line = program(os.Args[0]) + " " + args
	name, _, _ := strings.Cut(args, " ")
	if r.api != "" && name != "doctor" && name != "worker" { // these use what is on this machine
		line += " --api " + messages.ShellWord(r.api)
	}
	return line
}

var errDeclined = errors.New("nothing was changed")

// confirm asks a question, and returns an error unless the answer is yes.
func (c command) confirm(question string) error {
	fmt.Fprintf(c.stderr, "%s [y/N] ", question)
	line, err := bufio.NewReader(c.stdin).ReadString('\n')
	switch answer := strings.ToLower(strings.TrimSpace(line)); {
	case answer == "y" || answer == "yes":
		return nil
	case answer == "" && errors.Is(err, io.EOF):
		fmt.Fprintln(c.stderr)
		return fmt.Errorf("%w: nobody answers the question; --yes does without it", errUsage)
	}
	return errDeclined
}

// exactly checks the number of arguments; what names them.
func exactly(n int, what string) cobra.PositionalArgs {
	return func(cmd *cobra.Command, args []string) error {
		if len(args) != n {
			return fmt.Errorf("%w: %s needs %s; --help shows an example", errUsage, cmd.CommandPath(), what)
		}
		return nil
	}
}
