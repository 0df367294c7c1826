package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"os/exec"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kafka-master/infra/settings"
	"kafka-master/proof"
	"kafka-master/selftest"
)

// selftestFlags are the flags of the command selftest that are not settings.
type selftestFlags struct {
	during time.Duration
	seed   uint64
	keep   bool
}

func (c command) selftest() *cobra.Command {
	var f selftestFlags
	cmd := &cobra.Command{
		Use: "selftest", Short: "Run a deployment in a temporary folder, damage it, and check that no line is lost", Args: noArgs,
		Long: `Starts masters and workers as processes of their own in a temporary folder, and
feeds them. For a while it kills and stops them, writes garbage and repetitions to the
topics, changes the batch size, and lets no result be written. Then it heals
everything, waits until all files have ended, and runs "verify --all".

Everything is embedded, unless KAFKA_BROKER_ADDRESS or REDIS_URL is set: then topics
and keys of its own are used there, and removed at the end. With both, two masters run.

What is done when depends on the seed alone. Exit code 0 means that every line is
accounted for, 4 that it is not, 3 that this could not be known, 1 that the work did not
end or could not begin.`,
		Example: "  kafka-master selftest --for 2m",
		RunE: func(cmd *cobra.Command, _ []string) error {
			if f.during < minSelftest || f.during > maxSelftest {
				return fmt.Errorf("%w: --for %s: must be %s to %s", errUsage, f.during, minSelftest, maxSelftest)
			}
			s, err := c.load(cmd)
			if err != nil {
				return err
			}
			if f.seed == 0 {
				f.seed = uint64(time.Now().UnixNano())
			}
			return c.runSelftest(cmd.Context(), s, f)
		},
	}
	cmd.Flags().DurationVar(&f.during, "for", 2*time.Minute, "how long the deployment is damaged")
	cmd.Flags().Uint64Var(&f.seed, "seed", 0, "what is done when (default: another one each time)")
	cmd.Flags().BoolVar(&f.keep, "keep", false, "keep the folder, the topics and the keys")
	return cmd
}

const (
	minSelftest = 5 * time.Second
	maxSelftest = 24 * time.Hour
	// selftestWorkers run the commands that follow: the last one that for each item, the others
	// that for each chunk, which fails or puts off some first attempts. Both fail for the
	// poison line.
	selftestWorkers = 3
	selftestCommand = `sleep 0.05; case "$KM_BATCH_ID:$KM_ATTEMPT" in *7:1) exit 1;; *3:1) exit 75;; esac; f=$(cat); case "$f" in *` + selftest.PoisonLine + `*) exit 1;; esac; printf '%s\n' "$f"`
	selftestEach    = `[ {} != ` + selftest.PoisonLine + ` ] && echo {}`
)

func (c command) runSelftest(ctx context.Context, s settings.Settings, f selftestFlags) (err error) {
	d := deployment{s: s, id: "selftest-" + strings.ToLower(rand.Text()[:8])}
	if d.program, err = os.Executable(); err != nil {
		return fmt.Errorf("find this program: %w", err)
	}
	if d.dir, err = os.MkdirTemp("", "kafka-master-"+d.id+"-"); err != nil {
		return fmt.Errorf("make a folder: %w", err)
	}
	if err := d.reservePorts(); err != nil {
		return err
	}
	fmt.Fprintf(c.stdout, "seed %d, for %s, in %s\n%s\n", f.seed, f.during, d.dir, d.places())
	bus, err := newBus(s, strings.Split(d.broker, ","), nil, slog.New(slog.DiscardHandler))
	if err != nil {
		return err
	}
	defer bus.Close()
	cfg := d.config(c, f, bus)
	if !f.keep {
		defer func() { err = errors.Join(err, d.remove(bus)) }()
	}
	if err := selftest.Run(ctx, cfg); err != nil {
		return err
	}
	return c.judge(ctx, d, f)
}

// judge runs the command verify as a process of its own, as a person would.
func (c command) judge(ctx context.Context, d deployment, f selftestFlags) error {
	var out, errs bytes.Buffer
	cmd := exec.CommandContext(ctx, d.program, "verify", "--all", "--json")
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = d.dir, d.env("master-1"), &out, &errs
	failed := cmd.Run()
	var sum proof.Report
	files := 0
	for dec := json.NewDecoder(&out); ; files++ {
		var r proof.Report
		if err := dec.Decode(&r); err != nil {
			break
		}
		sum.Items, sum.Done, sum.Failed, sum.Dead = sum.Items+r.Items, sum.Done+r.Done, sum.Failed+r.Failed, sum.Dead+r.Dead
		if r.Verdict != proof.Holds {
			fmt.Fprintln(c.stdout, reportText(r, 0))
		}
	}
	again := fmt.Sprintf("repeat it with --seed %d --for %s", f.seed, f.during)
	var exit *exec.ExitError
	switch {
	case failed == nil && files == 0:
		return fmt.Errorf("%w: the self-test was too short for a file", errUnknown)
	case failed == nil && sum.Failed+sum.Dead != 1:
		return fmt.Errorf("%w after the self-test: one line was made to fail, and %d have failed and %d are dead; %s", errWrong, sum.Failed, sum.Dead, again)
	case failed == nil:
		fmt.Fprintf(c.stdout, "verify: %d files with %d items: %d done, %d failed, %d dead; input, manifests, results and books agree.\nThe self-test passed: every line is accounted for; %s.\n",
			files, sum.Items, sum.Done, sum.Failed, sum.Dead, again)
		return nil
	case errors.As(failed, &exit) && exit.ExitCode() == ExitWrong:
		return fmt.Errorf("%w after the self-test; %s", errWrong, again)
	case errors.As(failed, &exit) && exit.ExitCode() == ExitUnknown:
		return fmt.Errorf("%w after the self-test; %s: %s", errUnknown, again, errs.String())
	}
	return fmt.Errorf("run verify: %w: %s", failed, errs.String())
}

// connecting are the settings by which a deployment reaches Kafka and Redis of its owner.
var connecting = []string{
	"KAFKA_TLS", "KAFKA_TLS_CA_FILE", "KAFKA_TLS_CERT_FILE", "KAFKA_TLS_KEY_FILE", "KAFKA_SASL_MECHANISM",
	"KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD", "KAFKA_REPLICATION", "REDIS_URL", "REDIS_TLS_CA_FILE",
}
