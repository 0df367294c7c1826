package main

import (
	"fmt"
	"reflect"
	"slices"
	"time"
)

// result is what a scenario gave. CPU times are µs for each chunk.
type result struct {
	Scenario string `json:"scenario"`
	Broker   string `json:"broker"` // embedded or kafka
	State    string `json:"state"`  // embedded or redis
	Workers  int    `json:"workers"`
	Prefetch int    `json:"prefetch"`
	WorkMS   int64  `json:"work_ms"`
	Chunks   int64  `json:"chunks"`
	Items    int64  `json:"items"`
	Bytes    int64  `json:"bytes"` // of the input

	Seconds    float64 `json:"seconds"`
	ChunkRate  float64 `json:"chunks_per_s"`
	ItemRate   float64 `json:"items_per_s"`
	MasterCPU  float64 `json:"master_cpu_us"`
	BrokerCPU  float64 `json:"broker_cpu_us"`
	StateCPU   float64 `json:"state_cpu_us"` // of a Redis
	WorkersCPU float64 `json:"workers_cpu_us"`
	MasterPeak int64   `json:"master_peak_bytes"`
	GapP50     float64 `json:"gap_p50_ms"`
	GapP99     float64 `json:"gap_p99_ms"`
	GapMax     float64 `json:"gap_max_ms"`
	Repeats    int64   `json:"repeats"` // chunks that ran more than once
	// What the master did for each chunk. All are 0 for a binary that counts nothing.
	Fetches    float64            `json:"fetches"`
	Produces   float64            `json:"produces"`
	Commits    float64            `json:"commits"`
	Syncs      float64            `json:"syncs"` // of the embedded store
	Messages   float64            `json:"actor_messages"`
	Timers     float64            `json:"timers"`
	Goroutines float64            `json:"goroutines"`
	Allocs     float64            `json:"allocations"`
	AllocBytes float64            `json:"allocated_bytes"`
	Kinds      map[string]float64 `json:"actor_messages_by_type"` // of the first run

	OtherCores float64 `json:"other_cores"` // used by the rest of the machine meanwhile
	Runs       int     `json:"runs"`        // that the numbers are the medians of
}

// masterPace returns how many MB of input the master works through in a second of its CPU
// time.
func (r result) masterPace() float64 {
	return float64(r.Bytes) / max(1, r.MasterCPU*float64(r.Chunks)) // bytes per µs are MB per s
}

func (r *result) time(d time.Duration) {
	r.Seconds = d.Seconds()
	r.ChunkRate = float64(r.Chunks) / r.Seconds
	r.ItemRate = float64(r.Items) / r.Seconds
}

// gaps fills in how long a freed slot waited for its next chunk.
func (r *result) gaps(diaries []diary) {
	var all []time.Duration
	for _, d := range diaries {
		for i := 1; i < len(d.Spans); i++ {
			all = append(all, time.Duration(d.Spans[i][0]-d.Spans[i-1][1]))
		}
	}
	if len(all) == 0 {
		return
	}
	slices.Sort(all)
	ms := func(d time.Duration) float64 { return float64(d.Nanoseconds()) / 1e6 }
	r.GapP50, r.GapP99, r.GapMax = ms(all[len(all)/2]), ms(all[len(all)*99/100]), ms(all[len(all)-1])
}

// check holds the end of the file against what was put in, and against what the
// workers say.
func (r *result) check(ended event, diaries []diary) error {
	if ended.State != "done" || ended.Items != r.Items || ended.Done != ended.Items || ended.Dead != 0 {
		return fmt.Errorf("of %d items the master counts %d: %d done, %d dead, the file is %s",
			r.Items, ended.Items, ended.Done, ended.Dead, ended.State)
	}
	var chunks, items int64
	for _, d := range diaries {
		chunks += int64(len(d.Spans))
		items += d.Items
	}
	r.Repeats = chunks - r.Chunks
	if items < r.Items {
		return fmt.Errorf("of %d items that are called done the workers saw %d", r.Items, items)
	}
	return nil
}

// medians returns one result for each scenario, in their order: of every number
// the median over the quiet runs, over all when no run was quiet.
func medians(all []result) []result {
	var out []result
	for i, r := range all {
		same := func(x result) bool { return x.Scenario == r.Scenario }
		if slices.ContainsFunc(all[:i], same) {
			continue
		}
		var runs, quiet []result
		for _, x := range all[i:] {
			if !same(x) {
				continue
			}
			runs = append(runs, x)
			if x.OtherCores < quietCores {
				quiet = append(quiet, x)
			}
		}
		if len(quiet) == 0 {
			quiet = runs
		}
		out = append(out, median(quiet))
	}
	return out
}

// median returns a result with, for each number, the median of the runs' (of an
// even count the mean of the two in the middle).
func median(runs []result) result {
	mid := runs[0]
	to := reflect.ValueOf(&mid).Elem()
	for i := range to.NumField() {
		if !to.Field(i).CanFloat() && !to.Field(i).CanInt() {
			continue // the texts are all the same
		}
		numbers := make([]float64, len(runs))
		for n, r := range runs {
			numbers[n] = reflect.ValueOf(r).Field(i).Convert(reflect.TypeFor[float64]()).Float()
		}
		slices.Sort(numbers)
		middle := (numbers[(len(runs)-1)/2] + numbers[len(runs)/2]) / 2
		to.Field(i).Set(reflect.ValueOf(middle).Convert(to.Field(i).Type()))
	}
	mid.Runs = len(runs)
	return mid
}
