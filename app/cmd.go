package app

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"slices"
	"time"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"kafka-master/generate"
	"kafka-master/infra/settings"
	"kafka-master/worker"
)

// errUsage is the error of a wrong command line.
var errUsage = errors.New("wrong usage")

// command holds what all commands share.
type command struct {
	env            func(string) (string, bool)
	stdin          io.Reader
	stdout, stderr io.Writer
	instrument     Instrument // nil but in a measurement
}

func rootCommand(c command) *cobra.Command {
	root := &cobra.Command{
		Use:   "kafka-master",
		Short: "Cuts line files into chunks, hands them to workers through Kafka, and accounts for every line",
		Long: `Without a sub-command it runs a master. With no settings at all everything is
embedded: a Kafka broker on loopback, the state in a file, four workers; input
files are taken from ./input_ip_data.

Every setting is an environment variable, a line in .env, or a flag of the same
name; "kafka-master config" shows those in force.`,
		SilenceUsage: true, SilenceErrors: true,
		Args: noArgs,
	}
	root.SetOut(c.stdout)
	root.SetErr(c.stderr)
	root.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error { return settings.FlagError(cmd.Flags(), err) })
	root.PersistentFlags().AddFlagSet(settings.Flags())
	root.RunE = func(cmd *cobra.Command, _ []string) error {
		s, err := c.load(cmd)
		if err != nil {
			return err
		}
		return c.runMaster(cmd.Context(), s)
	}
	for _, g := range c.groups() {
		root.AddGroup(&cobra.Group{ID: g.title, Title: g.title + ":"})
		for _, cmd := range g.commands {
			cmd.GroupID = g.title
			root.AddCommand(cmd)
		}
	}
	root.SetHelpCommandGroupID(groupSetup)
	root.SetCompletionCommandGroupID(groupSetup)
	showOwnFlags(root)
	return root
}

// group is commands that stand together in the help.
type group struct {
	title    string
	commands []*cobra.Command
}

// groupSetup is the group that the commands of the library belong to as well.
const groupSetup = "Set up"

// groups returns all commands.
func (c command) groups() []group {
	return []group{
		{"Run", []*cobra.Command{c.run(), c.worker(), c.generate()}},
		{"See a running system", []*cobra.Command{c.status(), c.top(), c.listFiles(), c.showFile(), c.chunks(), c.workers(), c.attempts(), c.masters(), c.topics(), c.events(), c.audit(), c.wait()}},
		{"Steer it", []*cobra.Command{
			c.pause(), c.resume(), c.cancel(), c.acknowledge(), c.rescan(), c.rate(), c.priority(), c.share(), c.drain(), c.undrain(), c.recall(), c.forget(), c.dead(), c.failed(), c.set(), c.stepDown(),
		}},
		{"Results and proof", []*cobra.Command{c.download(), c.merge(), c.joblog(), c.verify(), c.selftest()}},
		{groupSetup, []*cobra.Command{c.config(), c.doctor(), c.healthcheck(), c.version()}},
	}
}

// apiSettings are those of a command that calls the API of a master.
var apiSettings = []string{"API_LISTEN", "API_SERVER_PORT", "API_TOKEN"}

// usedSettings lists the settings that a command uses. Commands that are not listed use all.
var usedSettings = map[string][]string{
	"worker": {
		"KAFKA_BROKER_PORT", "KAFKA_BROKER_ADDRESS", "KAFKA_TOPIC_NAME_MASTER", "KAFKA_TOPIC_NAME_WORKER", "KAFKA_TOPIC_NAME_WORKER_FREE",
		"KAFKA_TLS", "KAFKA_TLS_CA_FILE", "KAFKA_TLS_CERT_FILE", "KAFKA_TLS_KEY_FILE", "KAFKA_SASL_MECHANISM", "KAFKA_SASL_USERNAME",
		"WORKER_ID", "WORKER_PARTITION", "RESULTS_DIR", "DATA_DIR", "LOG_LEVEL", "LOG_FORMAT",
	},
	"healthcheck": {"API_LISTEN", "API_SERVER_PORT"},
	"joblog":      {"RESULTS_DIR", "DATA_DIR"},
	"merge":       {"RESULTS_DIR", "DATA_DIR", "API_LISTEN", "API_SERVER_PORT", "API_TOKEN", "REDIS_URL", "REDIS_PREFIX", "REDIS_TLS_CA_FILE"},
	"verify": append([]string{
		"CLIENT_DATA_PATH", "INPUT_DIR", "SMB_HOST", "SMB_PORT", "SMB_USER", "SMB_PASSWORD",
		"RESULTS_DIR", "DATA_DIR", "REDIS_URL", "REDIS_PREFIX",
	}, apiSettings...),
	"run": {}, "generate": {}, "version": {}, "help": {}, "completion": {},
}

// showOwnFlags makes the help of each command show only the settings that it uses. All
// commands accept all settings, so that the same flags can be used for each.
func showOwnFlags(root *cobra.Command) {
	help := root.HelpFunc()
	root.SetHelpFunc(func(cmd *cobra.Command, args []string) {
		names, some := usedSettings[cmd.Name()]
		if _, calls := cmd.Annotations[callsAPI]; calls {
			names, some = slices.Concat(names, apiSettings), true
		}
		if some {
			cmd.InheritedFlags().VisitAll(func(f *pflag.Flag) {
				f.Hidden = !slices.ContainsFunc(names, func(name string) bool { return flag(name) == f.Name })
			})
		}
		help(cmd, args)
	})
}

func noArgs(cmd *cobra.Command, args []string) error {
	switch {
	case len(args) > 0 && !cmd.HasAvailableSubCommands():
		return fmt.Errorf("%w: %s takes no argument, and got %q", errUsage, cmd.CommandPath(), args[0])
	case len(args) > 0:
		return fmt.Errorf("%w: %q is not a command of %s; --help shows them", errUsage, args[0], cmd.CommandPath())
	}
	return nil
}

// load reads the settings for a command.
func (c command) load(cmd *cobra.Command) (settings.Settings, error) {
	dotenv, err := settings.ReadDotenv(".env")
	if err != nil {
		return settings.Settings{}, err
	}
	s, err := settings.Load(cmd.Flags(), c.env, dotenv)
	s.WarnOfEnvironment(os.Environ())
	return s, err
}

func (c command) config() *cobra.Command {
	return &cobra.Command{
		Use: "config", Short: "Show every setting in force and where its value comes from", Args: noArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.load(cmd)
			if err != nil {
				return err
			}
			for _, text := range s.Typos() {
				fmt.Fprintln(c.stderr, "kafka-master:", text)
			}
			return settings.Print(c.stdout, s.Describe())
		},
	}
}

func (c command) version() *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Show the version", Args: noArgs,
		RunE: func(*cobra.Command, []string) error {
			b := build()
			_, err := fmt.Fprintf(c.stdout, "kafka-master %s %s\n", b.version, b.revision)
			return err
		},
	}
}

func (c command) generate() *cobra.Command {
	var lines int64
	var out string
	var seed uint64
	cmd := &cobra.Command{
		Use: "generate", Short: "Write a sample input file: addresses with some junk, duplicates and blank lines", Args: noArgs,
		Example: "  kafka-master generate --lines 1000000 --out input_ip_data/big.txt",
		RunE: func(*cobra.Command, []string) error {
			if lines < 1 {
				return fmt.Errorf("%w: --lines %d: must be at least 1", errUsage, lines)
			}
			if out == "" || out == "-" {
				return generate.Write(c.stdout, lines, seed)
			}
			return writeFile(out, func(w io.Writer) error { return generate.Write(w, lines, seed) })
		},
	}
	cmd.Flags().Int64Var(&lines, "lines", 10_000, "number of items")
	cmd.Flags().StringVar(&out, "out", "-", "file to write, - for standard output")
	cmd.Flags().Uint64Var(&seed, "seed", 1, "seed; another one gives another file")
	return cmd
}

// temporaryEnd is the ending of a file until it is complete.
const temporaryEnd = ".tmp"

// writeFile writes a file under a temporary name, which masters ignore, and renames it, so
// that a running master sees the whole file or none. renameio is not used, since a killed
// command would leave a hidden file each time; here the next command replaces the temporary
// file.
func writeFile(path string, write func(io.Writer) error) error {
	tmp := path + temporaryEnd
	f, err := os.Create(tmp)
	if err != nil {
		return fmt.Errorf("create the output: %w", err)
	}
	err = errors.Join(write(f), f.Close())
	if err == nil {
		err = os.Rename(tmp, path)
	}
	if err != nil {
		os.Remove(tmp)
		return fmt.Errorf("write %s: %w", path, err)
	}
	return nil
}

// workerFlags are the flags of the command worker that are not settings.
type workerFlags struct {
	each                      eachFlags
	exec, results, deployment string
	parallel, ids             int
	grace, timeout            time.Duration
}

func (f workerFlags) check() error {
	switch {
	case f.parallel < 1 || f.parallel > 1000:
		return fmt.Errorf("%w: --parallel %d: must be 1 to 1000", errUsage, f.parallel)
	case f.ids < 1 || f.ids > worker.MaxIdentities:
		return fmt.Errorf("%w: --ids %d: must be 1 to %d", errUsage, f.ids, worker.MaxIdentities)
	case f.each.used():
		return f.each.check(f.exec, f.timeout)
	case f.timeout != 0 && (f.timeout < worker.MinTimeout || f.timeout > worker.MaxTimeout):
		return fmt.Errorf("%w: --timeout %s: must be 0 for no limit, or %s to %s", errUsage, f.timeout, worker.MinTimeout, worker.MaxTimeout)
	}
	return nil
}

func (c command) worker() *cobra.Command {
	var f workerFlags
	cmd := &cobra.Command{
		Use: "worker", Short: "Run a worker, which passes each chunk to a command or to the sample handler", Args: noArgs,
		Long: `Runs a worker until it receives SIGINT or SIGTERM. With --exec, each chunk runs the
command: it reads the items from standard input, one per line, and its standard
output becomes the chunk's result file. The environment contains KM_BATCH_ID,
KM_FILE, KM_ATTEMPT, KM_TOTAL and KM_WORKER_ID. Exit code 0 means that the chunk is
done, 75 that it must be retried later, and 126 or 127 that this worker cannot run
the command. Any other code means that the attempt has failed; the end of standard
error is the reason.

With --each, each item runs the command, --jobs of them at the same time. {} in the
command is the item, always as one argument or a part of one; without {} the item is
the standard input. No shell is involved, except with --shell, where {} stands for
"$KM_ITEM". The output of the items that exit with 0 becomes the chunk's result file,
in the order of the items. Any other item has failed, alone: it is listed with exit
code and reason in the file of failed items beside the result. 75 means that the item
is tried again, three times in all. KM_LINE is the line of the item, if it is known.

Without --exec and --each, each item is parsed as an IP address.

With --ids N, one process runs N workers that share one set of connections. With
WORKER_ID=x their ids are x-1 to x-N. Otherwise each uses an id stored in DATA_DIR.

A worker that cannot run its command or cannot write results gives its chunks back
and accepts none until it can. It checks this regularly.

All workers of a master must use the same results folder, so that a chunk that runs
twice leaves one result.`,
		Example: "  kafka-master worker --exec 'grep -c .' --parallel 4 --results /srv/results\n" +
			"  kafka-master worker --each 'probe {}' --jobs 50 --timeout 10s",
		RunE: func(cmd *cobra.Command, _ []string) error {
			f.each.note(cmd.Flags())
			if err := f.check(); err != nil {
				return err
			}
			s, err := c.load(cmd)
			if err != nil {
				return err
			}
			if f.results == "" {
				f.results = s.ResultsDir
			}
			defer outliveReaders()()
			log, _, closeLog := openLog(s, newLogLevel(s.LogLevel), c.stderr)
			defer closeLog()
			boundMemory(log)
			return c.runWorker(cmd.Context(), s, f, log)
		},
	}
	cmd.Flags().StringVar(&f.exec, "exec", "", "command to run for each chunk, by sh -c")
	f.each.add(cmd.Flags())
	cmd.Flags().StringVar(&f.results, "results", "", "folder for result files (default RESULTS_DIR)")
	cmd.Flags().IntVar(&f.parallel, "parallel", 1, "number of chunks that each worker runs at the same time")
	cmd.Flags().IntVar(&f.ids, "ids", 1, "number of workers in this process, each with its own id")
	cmd.Flags().DurationVar(&f.grace, "drain-timeout", 5*time.Second, "time that running chunks get to finish at a stop")
	cmd.Flags().DurationVar(&f.timeout, "timeout", 0, "time after which a chunk (with --each an item) is stopped and has failed, 0 for no limit")
	cmd.Flags().StringVar(&f.deployment, "deployment", "",
		`id of the only deployment to serve, "any" for all (default without KAFKA_BROKER_ADDRESS: the one of the master in DATA_DIR)`)
	return cmd
}

func (c command) runWorker(ctx context.Context, s settings.Settings, f workerFlags, log *slog.Logger) error {
	brokers := s.KafkaBrokers
	if s.EmbeddedBroker() {
		brokers = []string{embeddedAddress(s)}
	}
	cfg, err := newWorkerConfig(s, brokers, log)
	if err != nil {
		return err
	}
	members, release, err := c.members(s, f.ids, log)
	if err != nil {
		return err
	}
	defer release()
	cfg.Capacity, cfg.DrainTimeout, cfg.Timeout = f.parallel, f.grace, f.timeout
	cfg.Results, cfg.Deployment = worker.Results{Dir: f.results}, ownDeployment(f.deployment, s.DataDir, s.EmbeddedBroker())
	handler := worker.SampleHandler(f.results)
	switch {
	case f.each.used():
		if handler, err = f.each.handler(f.results, f.timeout, log); err != nil {
			return err
		}
		cfg.Timeout = 0 // that of an item
	case f.exec != "":
		handler = worker.ExecHandler(worker.ExecConfig{Command: f.exec, ResultsDir: f.results, Hidden: settings.SecretNames(), Logger: log})
	}
	if os.Getenv("GOGC") == "" {
		// Every chunk is garbage once it has ended, and little else is kept: with the usual
		// setting the collector would run all the time to save about 12 MB.
		debug.SetGCPercent(400)
	}
	if os.Getenv("GOMAXPROCS") == "" && !f.each.used() { // many processes at once are work for all threads
		// Go wakes an idle thread whenever a goroutine is ready to run. With fewer chunks at once
		// than threads there is nothing for it to do, and waking it costs a fifth of the CPU time.
		runtime.GOMAXPROCS(min(runtime.GOMAXPROCS(0), len(members)*f.parallel))
	}
	fmt.Fprintf(c.stdout, "%s: broker %s, results in %s; press Ctrl-C to stop\n", nameOf(members), cfg.Brokers[0], f.results)
	if err := worker.RunMany(ctx, cfg, members, handler); err != nil {
		return fmt.Errorf("run the worker: %w", err)
	}
	return nil
}
