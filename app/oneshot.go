package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"slices"
	"strconv"
	"time"

	"github.com/spf13/cobra"

	"kafka-master/infra/localfiles"
	"kafka-master/infra/settings"
	"kafka-master/messages"
	"kafka-master/worker"
)

// errRejects is the error of a run or a file that ended with items that are dead or failed.
var errRejects = errors.New("not every item is done")

// oneShot is one run of the command run: files, the command for them, and where results go.
type oneShot struct {
	command
	each                           eachFlags
	exec, halt, joblog, ext, state string
	out                            string
	jobs, retries, batch           int
	timeout                        time.Duration
	quiet                          bool

	inputs []input
	stop   halt
	dir    string // folder of the state, of results and of what is read from standard input
	files  *localfiles.Chosen
}

// input is one input file.
type input struct {
	name   string // under which the master knows it
	path   string // of the file
	folder string // beside which its results belong; empty for standard input
}

func (c command) run() *cobra.Command {
	o := &oneShot{command: c}
	cmd := &cobra.Command{
		Use: "run FILE...", Short: "Run a command on every line of files, and end: no server and no settings are needed",
		Long: `Runs a command once per line of the files (--each), or on chunks of lines that it reads
from standard input (--exec), and ends when every line is done, failed or dead. Master,
broker and workers live in this process, their state in a temporary folder. FILE may be
"-" for the lines on standard input. The rules for commands are those of "worker --help".

The results are put beside each file, in the order of its lines:

  FILE.out           the output of the command (another ending: --ext)
  FILE.failed.jsonl  the failed items: line, item, exit status and error of each
  FILE.failed.txt    the failed items as lines, ready to be run again

-o names another folder, and "-o -" prints the output, which is the default for "-". They
appear when the run has ended; a run that is stopped by Ctrl-C leaves none, and says how
far it came. With --state DIR it can be continued by the same command.

Settings of a deployment (in the environment or .env) have no effect.

Exit code 0 means that every item is done, 1 an error or Ctrl-C, 2 a wrong command line,
4 that items are failed or dead, or that a file changed meanwhile.`,
		Example: "  kafka-master run ips.txt --each 'probe {}' --jobs 50 --timeout 10s\n" +
			"  kafka-master run a.txt b.txt --exec './scan.sh' -o results --joblog log.tsv\n" +
			"  cat ips.txt | kafka-master run - --each 'dig +short -x {}' > names.txt",
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := o.check(cmd, args); err != nil {
				return err
			}
			return o.start(cmd.Context(), args)
		},
	}
	f := cmd.Flags()
	f.StringVar(&o.each.command, "each", "", "command to run for each line; {} is the line as one argument, without {} it is the standard input")
	f.StringVar(&o.exec, "exec", "", "command to run for each chunk of lines, by sh -c")
	f.IntVarP(&o.jobs, "jobs", "j", 0, "number of processes at once (default the number of processors)")
	f.IntVar(&o.retries, "retries", 0, "how often a line is run that fails (default 1), with --exec a chunk (default 5)")
	f.DurationVar(&o.timeout, "timeout", 0, "time after which a process is stopped and has failed, 0 for no limit")
	f.StringVar(&o.halt, "halt", "never", `when to give up: "never", or "soon,fail=3" or "now,fail=1%" failed items; "now" stops what runs`)
	f.StringVar(&o.joblog, "joblog", "", "file for a row about each chunk, with the columns of GNU parallel's job log")
	f.StringVarP(&o.out, "out", "o", "", `folder for the results, "-" for standard output (default beside each file)`)
	f.StringVar(&o.ext, "ext", "out", "ending of the results")
	f.IntVar(&o.batch, "batch-size", 0, "lines of a chunk (default: what keeps all processes busy, at most 500)")
	f.BoolVar(&o.each.shell, "shell", false, "with --each: run the command by sh -c")
	f.BoolVar(&o.each.unordered, "unordered", false, "with --each: write outputs as they come instead of in the order of the lines")
	f.StringVar(&o.state, "state", "", "folder that keeps the state, so that the same command continues a run that was stopped")
	f.BoolVarP(&o.quiet, "quiet", "q", false, "print no progress")
	return cmd
}

// check finds the mistakes in the command line.
func (o *oneShot) check(cmd *cobra.Command, args []string) (err error) {
	given := func(name string) bool { return cmd.Flags().Changed(name) }
	switch {
	case len(args) == 0:
		return fmt.Errorf("%w: give one FILE or more, or - for standard input", errUsage)
	case given("each") == given("exec"):
		return fmt.Errorf("%w: give --each COMMAND, which is run per line, or --exec COMMAND, which is run per chunk", errUsage)
	case given("jobs") && (o.jobs < 1 || o.jobs > worker.MaxJobs), given("exec") && o.jobs > maxChunksAtOnce:
		return fmt.Errorf("%w: --jobs %d: must be 1 to %d, with --exec to %d", errUsage, o.jobs, worker.MaxJobs, maxChunksAtOnce)
	case given("retries") && (o.retries < 1 || o.retries > 100):
		return fmt.Errorf("%w: --retries %d: must be 1 to 100", errUsage, o.retries)
	case given("batch-size") && (o.batch < 1 || o.batch > messages.MaxBatchSize):
		return fmt.Errorf("%w: --batch-size %d: must be 1 to %d", errUsage, o.batch, messages.MaxBatchSize)
	case !extension.MatchString(o.ext):
		return fmt.Errorf("%w: --ext %q: must be letters, digits, dots, _ and -, such as out or csv", errUsage, o.ext)
	case given("exec") && o.timeout != 0 && (o.timeout < worker.MinTimeout || o.timeout > worker.MaxTimeout):
		return fmt.Errorf("%w: --timeout %s: must be 0 for no limit, or %s to %s with --exec", errUsage, o.timeout, worker.MinTimeout, worker.MaxTimeout)
	case given("exec") && (given("shell") || given("unordered")):
		return fmt.Errorf("%w: --shell and --unordered go with --each", errUsage)
	}
	if o.stop, err = parseHalt(o.halt); err != nil {
		return err
	}
	if o.jobs == 0 {
		o.jobs = runtime.NumCPU()
	}
	if given("each") {
		o.each.jobs, o.each.given = o.jobs, []string{"each"}
		return o.each.check("", o.timeout)
	}
	return nil
}

// maxChunksAtOnce is the greatest capacity of a worker.
const maxChunksAtOnce = 1000

// start prepares the run: its folder, its input, and its settings.
func (o *oneShot) start(ctx context.Context, args []string) (err error) {
	if o.dir, err = o.folder(); err != nil {
		return err
	}
	if o.state == "" {
		defer os.RemoveAll(o.dir)
	}
	defer outliveReaders()()
	if err := o.choose(ctx, args); err != nil {
		return err
	}
	s, err := o.settings()
	if err != nil {
		return err
	}
	log, _, closeLog := openLog(s, newLogLevel(s.LogLevel), o.stderr)
	defer closeLog()
	n := &node{s: s, log: log, muted: log, stdout: io.Discard, failed: make(chan error, 1), instrument: o.instrument}
	defer n.close()
	return o.work(ctx, n)
}

// folder makes the folder of the run.
func (o *oneShot) folder() (string, error) {
	if o.state != "" {
		return o.state, os.MkdirAll(o.state, 0o700)
	}
	return os.MkdirTemp("", "kafka-master-run-")
}

// settings returns the settings of the run. Those of a deployment have no effect, but for the
// log.
func (o *oneShot) settings() (settings.Settings, error) {
	values := map[string]string{
		"DATA_DIR": o.dir, "RESULTS_DIR": o.resultsDir(), "SETTLE": "0", "MERGE": "false", "EMBEDDED_WORKERS": "0",
		"BATCH_SIZE": strconv.Itoa(o.batchSize()), "LOG_LEVEL": "error",
	}
	if o.retries > 0 && o.exec != "" {
		values["MAX_ATTEMPTS"] = strconv.Itoa(o.retries)
	}
	if o.stop != (halt{}) {
		values["PREFETCH"] = "0"
	}
	if o.stop.limit.Percent == 0 || len(o.inputs) == 1 { // one file that reaches the limit has the run reach it
		values["MAX_DEAD"] = o.stop.limit.String()
	}
	for _, name := range []string{"LOG_LEVEL", "LOG_FORMAT"} {
		if text, ok := o.env(name); ok && text != "" {
			values[name] = text
		}
	}
	return settings.Load(nil, func(name string) (string, bool) { text, ok := values[name]; return text, ok }, nil)
}

// names returns the names of the inputs.
func (o *oneShot) names() (names []string) {
	for _, in := range o.inputs {
		names = append(names, in.name)
	}
	slices.Sort(names)
	return names
}
