package httpapi

import (
	"context"
	"log/slog"
	"net/http"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"kafka-master/messages"
)

// The metrics of a master. No label has a value for each file or worker, so their
// number is bounded.
var (
	leaderMetric   = newDesc("leader", "Whether this master leads (1) or not (0).")
	termMetric     = newDesc("term", "Number of the current leadership, as far as this master knows.")
	problemsMetric = newDesc("problems", "Problems by kind and part: number of things concerned, or of occurrences.", "kind", "part")

	filesMetric      = newDesc("files", "Known input files by state.", "state")
	fileItemsMetric  = newDesc("file_items", "Items cut so far from all remembered files, by state.", "state")
	chunksMetric     = newDesc("chunks", "Chunks that wait for a worker, and chunks at workers.", "state")
	remainingMetric  = newDesc("items_remaining", "Items that have not ended, with an estimate of those that are not cut. Absent while there is none.")
	oldestMetric     = newDesc("oldest_ready_seconds", "How long the oldest of the chunks has waited that could be handed out.")
	itemsMetric      = newDesc("items_total", "Items in chunks that ended since this master began to lead, by result.", "result")
	chunksDoneMetric = newDesc("chunks_done_total", "Chunks that were done since this master began to lead.")
	chunksDeadMetric = newDesc("chunks_dead_total", "Chunks that were given up since this master began to lead.")
	workersMetric    = newDesc("workers", "Known workers by kind and state.", "kind", "state")
	ignoredMetric    = newDesc("worker_messages_ignored_total", "Worker messages that were dropped since this master began to lead.")
)

func newDesc(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("kafka_master_"+name, help, labels, nil)
}

// scrape is a prometheus.Collector that asks for the numbers at each scrape and keeps
// none.
type scrape struct {
	asker Asker
	log   *slog.Logger
}

// newMetrics returns the handler of /metrics.
func newMetrics(asker Asker, log *slog.Logger) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), scrape{asker, log})
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ErrorHandling: promhttp.ContinueOnError, // the other metrics are still useful
	})
}

// Describe implements prometheus.Collector. Without descriptions the registry checks the
// metrics themselves.
func (scrape) Describe(chan<- *prometheus.Desc) {}

// Collect implements prometheus.Collector. It sends no metrics if the master does not
// answer: old or zero values would look like a master without work.
func (s scrape) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), messages.AskTimeout)
	defer cancel()
	answer, err := s.asker.Ask(ctx, messages.QueryOverview{})
	o, ok := answer.(messages.Overview)
	if err != nil || !ok {
		s.log.Debug("API metrics not answered", "err", err)
		return
	}
	collectRole(out, o)
	if o.Role != "leader" {
		return // only the leader knows files, chunks and workers
	}
	collectWork(out, o)
	collectWorkers(out, o.Workers)
}

func gauge(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...)
}

func counter(d *prometheus.Desc, value float64, labels ...string) prometheus.Metric {
	return prometheus.MustNewConstMetric(d, prometheus.CounterValue, value, labels...)
}

func collectRole(out chan<- prometheus.Metric, o messages.Overview) {
	leads := 0.0
	if o.Role == "leader" {
		leads = 1
	}
	out <- gauge(leaderMetric, leads)
	out <- gauge(termMetric, float64(o.Term))
	for at, n := range countProblems(o.Problems) {
		out <- gauge(problemsMetric, float64(n), string(at.kind), at.part)
	}
}

// problemKey identifies a time series of problems.
type problemKey struct {
	kind messages.ProblemKind
	part string
}

// countProblems counts problems by kind and part. Kinds without a problem have the value
// 0, so that an alarm on them ends.
func countProblems(all []messages.Problem) map[problemKey]int {
	out := map[problemKey]int{}
	for _, kind := range messages.ProblemKinds() {
		out[problemKey{kind, kind.Part()}] = 0
	}
	for _, p := range all {
		out[problemKey{p.Kind, messages.Clean(p.Part, 20)}] += max(1, p.Count)
	}
	return out
}

// collectWork sends the metrics of files, items and chunks. The counters begin at 0 with
// each leadership. Sums over the files would decrease when a file is forgotten or the
// store loses its last commits, and Prometheus takes a decrease for a restart, after
// which it counts all items again.
func collectWork(out chan<- prometheus.Metric, o messages.Overview) {
	out <- gauge(filesMetric, float64(o.Settling), messages.FileSettling.String())
	for state, n := range byState(o.Files.States) {
		out <- gauge(filesMetric, float64(n), state)
	}
	items, chunks := sums(o.Files)
	out <- gauge(fileItemsMetric, float64(items.Done), "done")
	out <- gauge(fileItemsMetric, float64(items.Failed), "failed")
	out <- gauge(fileItemsMetric, float64(items.Dead), "dead")
	out <- gauge(fileItemsMetric, float64(items.Cancelled), "cancelled")
	out <- gauge(fileItemsMetric, float64(items.Open), "open")
	out <- gauge(chunksMetric, float64(chunks.Ready), "ready")
	out <- gauge(chunksMetric, float64(chunks.Running), "running")
	if o.Remaining >= 0 {
		out <- gauge(remainingMetric, float64(o.Remaining))
	}
	out <- gauge(oldestMetric, o.OldestReady.Seconds())
	out <- counter(itemsMetric, float64(o.Counted.DoneItems), "done")
	out <- counter(itemsMetric, float64(o.Counted.FailedItems), "failed")
	out <- counter(itemsMetric, float64(o.Counted.DeadItems), "dead")
	out <- counter(itemsMetric, float64(o.Counted.CancelledItems), "cancelled")
	out <- counter(chunksDoneMetric, float64(o.Counted.DoneChunks))
	out <- counter(chunksDeadMetric, float64(o.Counted.DeadChunks))
	out <- counter(ignoredMetric, float64(o.Ignored))
}

func collectWorkers(out chan<- prometheus.Metric, counts messages.WorkerCounts) {
	for kind, states := range counts {
		for state, n := range states {
			out <- gauge(workersMetric, float64(n), messages.WorkerKind(kind).String(), messages.WorkerState(state).String())
		}
	}
}
