package app

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kafka-master/infra/kafkabus"
	"kafka-master/infra/redisstore"
	"kafka-master/infra/settings"
	"kafka-master/messages"
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
	// selftestWorkers run the command that follows, which fails or puts off some first
	// attempts.
	selftestWorkers = 3
	selftestCommand = `sleep 0.05; case "$KM_BATCH_ID:$KM_ATTEMPT" in *7:1) exit 1;; *3:1) exit 75;; esac; cat`
)

// deployment is what a self-test runs.
type deployment struct {
	s        settings.Settings
	dir, id  string
	program  string
	broker   string
	apiPorts []int
}

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
	bus, err := newBus(s, strings.Split(d.broker, ","), slog.New(slog.DiscardHandler))
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

// shared reports whether state and Kafka are those of the settings, so that two masters
// can run.
func (d *deployment) shared() bool { return d.s.RedisURL.IsSet() && !d.s.EmbeddedBroker() }

// reservePorts finds free ports. They are free again until the masters listen.
func (d *deployment) reservePorts() error {
	free := func() (int, error) {
		l, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			return 0, fmt.Errorf("find a free port: %w", err)
		}
		defer l.Close()
		return l.Addr().(*net.TCPAddr).Port, nil
	}
	masters := 1
	if d.shared() {
		masters = 2
	}
	for range masters {
		port, err := free()
		if err != nil {
			return err
		}
		d.apiPorts = append(d.apiPorts, port)
	}
	d.broker = strings.Join(d.s.KafkaBrokers, ",")
	if d.s.EmbeddedBroker() {
		port, err := free()
		if err != nil {
			return err
		}
		d.broker = net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	}
	return nil
}

// places names what is used.
func (d *deployment) places() string {
	kafka, state := "an embedded broker", "an embedded state"
	if !d.s.EmbeddedBroker() {
		kafka = "topics " + d.id + "-* at " + d.broker
	}
	if d.s.RedisURL.IsSet() {
		state = "keys {" + d.id + "}:* in Redis"
	}
	return fmt.Sprintf("%d master, %d workers, %s, %s", len(d.apiPorts), selftestWorkers, kafka, state)
}

func (d *deployment) topics() []string {
	return []string{d.id + "-chunks", d.id + "-signals", d.id + "-connection", d.id + "-heartbeat"}
}

func (d *deployment) config(c command, f selftestFlags, bus *kafkabus.Bus) selftest.Config {
	cfg := selftest.Config{
		Dir: d.dir, Seed: f.seed, For: f.during, Env: d.env, Topics: d.topics(), Wire: bus, API: &selftestAPI{ports: d.apiPorts}, Out: c.stdout,
	}
	for range d.apiPorts {
		cfg.Masters = append(cfg.Masters, []string{d.program})
	}
	for range selftestWorkers {
		cfg.Workers = append(cfg.Workers, []string{d.program, "worker", "--exec", selftestCommand, "--parallel", "2"})
	}
	return cfg
}

// connecting are the settings by which a deployment reaches Kafka and Redis of its owner.
var connecting = []string{
	"KAFKA_TLS", "KAFKA_TLS_CA_FILE", "KAFKA_TLS_CERT_FILE", "KAFKA_TLS_KEY_FILE", "KAFKA_SASL_MECHANISM",
	"KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD", "KAFKA_REPLICATION", "REDIS_URL", "REDIS_TLS_CA_FILE",
}

// env is the environment of a process: that of this one without the settings in it, and
// those of the deployment.
func (d *deployment) env(name string) []string {
	var env []string
	ours := map[string]bool{}
	for _, v := range settings.Variables() {
		ours[v.Name] = true
	}
	for _, x := range os.Environ() {
		if key, _, _ := strings.Cut(x, "="); !ours[strings.TrimSuffix(key, "_FILE")] && !ours[key] {
			env = append(env, x)
		}
	}
	topics := d.topics()
	set := map[string]string{
		"CLIENT_DATA_PATH": d.dir, "INPUT_DIR": selftest.InputFolder, "RESULTS_DIR": filepath.Join(d.dir, selftest.ResultsFolder),
		"DATA_DIR": filepath.Join(d.dir, "data"), "REDIS_PREFIX": d.id, "SETTLE": "0s", "BATCH_SIZE": "100", "EMBEDDED_WORKERS": "0", "MERGE": "false",
		"KAFKA_TOPIC_NAME_MASTER": topics[0], "KAFKA_TOPIC_NAME_WORKER": topics[1], "KAFKA_TOPIC_NAME_WORKER_FREE": topics[2], "KAFKA_MASTER_HEARTBEAT_TOPIC": topics[3],
		"KAFKA_PARTITIONS": "4", "KAFKA_GROUP_ID": d.id, "KAFKA_WORKER_GROUP": d.id + "-workers", "LOG_FORMAT": "text",
		"WORKER_ID": name, "MASTER_ID": name, "API_LISTEN": "127.0.0.1", "API_SERVER_PORT": strconv.Itoa(d.apiPorts[0]),
	}
	if n, ok := strings.CutPrefix(name, "master-"); ok && n == "2" {
		set["API_SERVER_PORT"] = strconv.Itoa(d.apiPorts[1])
	}
	if d.s.EmbeddedBroker() {
		_, port, _ := net.SplitHostPort(d.broker)
		set["KAFKA_BROKER_PORT"] = port
	}
	if !d.s.EmbeddedBroker() || strings.HasPrefix(name, "worker-") {
		set["KAFKA_BROKER_ADDRESS"] = d.broker
	}
	for _, key := range connecting {
		if d.s.IsSet(key) {
			set[key] = d.s.Raw(key)
		}
	}
	for key, value := range set {
		env = append(env, key+"="+value)
	}
	slices.Sort(env)
	return env
}

// remove removes everything that the deployment left.
func (d *deployment) remove(bus *kafkabus.Bus) error {
	ctx, cancel := context.WithTimeout(context.Background(), 30*time.Second)
	defer cancel()
	var errs []error
	if !d.s.EmbeddedBroker() {
		errs = append(errs, bus.Delete(ctx, d.topics()))
	}
	if d.s.RedisURL.IsSet() {
		errs = append(errs, d.forgetState(ctx))
	}
	return errors.Join(append(errs, os.RemoveAll(d.dir))...)
}

// forgetState removes the keys of the deployment from Redis.
func (d *deployment) forgetState(ctx context.Context) error {
	store, err := redisstore.Open(redisstore.Config{URL: d.s.RedisURL.Reveal(), CAFile: d.s.RedisTLSCAFile, Prefix: d.id, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		return err
	}
	defer store.Close()
	return store.Forget(ctx)
}

// selftestAPI asks the masters of a self-test.
type selftestAPI struct{ ports []int }

// each calls the masters until one of them answers.
func (a *selftestAPI) each(ctx context.Context, path string, out any) (err error) {
	for _, port := range a.ports {
		var client *apiClient
		if client, err = newAPIClient(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), settings.Settings{}); err != nil {
			return err
		}
		if err = client.get(ctx, path, out); err == nil {
			return nil
		}
	}
	return err
}

// Ended implements selftest.API.
func (a *selftestAPI) Ended(ctx context.Context) (files int, problems []string, err error) {
	var o struct {
		Files    map[string]int `json:"files"`
		Problems []struct {
			Kind string `json:"kind"`
			Text string `json:"text"`
		} `json:"problems"`
	}
	if err := a.each(ctx, "/api/v1/overview", &o); err != nil {
		return 0, nil, err
	}
	for _, p := range o.Problems {
		problems = append(problems, p.Kind+": "+p.Text)
	}
	for state, n := range o.Files {
		if state != messages.FileRunning.String() && state != messages.FileSettling.String() {
			files += n
		}
	}
	return files, problems, nil
}

// SetBatchSize implements selftest.API. This old endpoint answers with a sentence.
func (a *selftestAPI) SetBatchSize(ctx context.Context, items int) error {
	q := url.Values{"numBatches": {strconv.Itoa(items)}}
	var last error
	for _, port := range a.ports {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if _, last = probe(ctx, address, "/api/updateNumBatches?"+q.Encode()); last == nil {
			return nil
		}
	}
	return last
}
