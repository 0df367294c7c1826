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

// The metrics of a master. There is no label whose values grow in number with
// files or workers.
var (
	leaderMetric   = described("leader", "Whether this master leads (1) or not (0).")
	termMetric     = described("term", "Number of the current leadership, as far as this master knows.")
	problemsMetric = described("problems", "What a person has to know of, by kind and part: how many things it concerns, or how often it happened.", "kind", "part")

	filesMetric      = described("files", "Input files that are known, by state.", "state")
	fileItemsMetric  = described("file_items", "Items cut so far of all files that are remembered, by what became of them.", "state")
	chunksMetric     = described("chunks", "Chunks that wait for a worker, and chunks at workers.", "state")
	itemsMetric      = described("items_total", "Items of chunks that ended since this master began to lead, by result.", "result")
	chunksDoneMetric = described("chunks_done_total", "Chunks that were done since this master began to lead.")
	chunksDeadMetric = described("chunks_dead_total", "Chunks that were given up since this master began to lead.")
	workersMetric    = described("workers", "Workers that are known, by kind and state.", "kind", "state")
	ignoredMetric    = described("worker_messages_ignored_total", "Worker messages that were dropped since this master began to lead.")
)

func described(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc("kafka_master_"+name, help, labels, nil)
}

// scrape is a prometheus.Collector that asks for the numbers at each scrape and
// keeps none of them.
type scrape struct {
	asker Asker
	log   *slog.Logger
}

// newMetrics returns what answers /metrics.
func newMetrics(asker Asker, log *slog.Logger) http.Handler {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), scrape{asker, log})
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{
		ErrorLog:      slog.NewLogLogger(log.Handler(), slog.LevelWarn),
		ErrorHandling: promhttp.ContinueOnError, // the other metrics tell of the trouble
	})
}

// Describe implements prometheus.Collector.
func (s scrape) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{
		leaderMetric, termMetric, problemsMetric, filesMetric, fileItemsMetric, chunksMetric, itemsMetric,
		chunksDoneMetric, chunksDeadMetric, workersMetric, ignoredMetric,
	} {
		out <- d
	}
}

// Collect implements prometheus.Collector. Without an answer there are no
// metrics: old or zero ones would look like a master that stands still.
func (s scrape) Collect(out chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), AskTimeout)
	defer cancel()
	answer, err := s.asker.Ask(ctx, messages.QueryOverview{})
	o, ok := answer.(messages.Overview)
	if err != nil || !ok {
		s.log.Debug("API: No metrics", "err", err)
		return
	}
	collectRole(out, o)
	if o.Role != "leader" {
		return // the numbers of the work are the leader's to tell
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

// place is where a problem is counted.
type place struct {
	kind messages.ProblemKind
	part string
}

// countProblems counts by kind and part. A kind that has no problem is there as 0,
// so that an alarm on it ends.
func countProblems(all []messages.Problem) map[place]int {
	out := map[place]int{}
	for _, kind := range messages.ProblemKinds() {
		out[place{kind, kind.Part()}] = 0
	}
	for _, p := range all {
		out[place{p.Kind, clean(p.Part, 20)}] += max(1, p.Count)
	}
	return out
}

// collectWork tells of files, items and chunks. The counters begin at 0 with each
// leadership: sums over the files would fall when a file is forgotten or the
// store loses its last commits, and a counter that falls reads as a restart and
// then as that many items more.
func collectWork(out chan<- prometheus.Metric, o messages.Overview) {
	out <- gauge(filesMetric, float64(o.Settling), messages.FileSettling.String())
	for state, n := range byState(o.Files.States) {
		out <- gauge(filesMetric, float64(n), state)
	}
	items, chunks := sums(o.Files)
	out <- gauge(fileItemsMetric, float64(items.Done), "done")
	out <- gauge(fileItemsMetric, float64(items.Dead), "dead")
	out <- gauge(fileItemsMetric, float64(items.Open), "open")
	out <- gauge(chunksMetric, float64(chunks.Ready), "ready")
	out <- gauge(chunksMetric, float64(chunks.Running), "running")
	out <- counter(itemsMetric, float64(o.Counted.DoneItems), "done")
	out <- counter(itemsMetric, float64(o.Counted.DeadItems), "dead")
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
