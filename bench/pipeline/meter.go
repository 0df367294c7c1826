package main

import (
	"os"
	"time"
)

// meter reads the CPU clocks of a measurement's processes.
type meter struct {
	master, broker, state int
	workers               []int
}

// reading is the state of the clocks.
type reading struct {
	at                                    time.Time
	master, broker, state, workers, other time.Duration // other: of the rest of the machine
}

func (m meter) read() (r reading, err error) {
	r.at = time.Now()
	var all, own time.Duration
	for _, x := range []struct {
		to   *time.Duration
		pids []int
	}{{&r.master, []int{m.master}}, {&r.broker, []int{m.broker}}, {&r.state, []int{m.state}}, {&r.workers, m.workers}, {&own, []int{os.Getpid()}}} {
		if *x.to, err = cpuOf(x.pids...); err != nil {
			return r, err
		}
	}
	if all, err = cpuOfAll(); err != nil {
		return r, err
	}
	r.other = all - r.master - r.broker - r.state - r.workers - own
	return r, nil
}

// fill writes what was used between two readings into the result.
func (r *result) fill(from, to reading) {
	each := func(a, b time.Duration) float64 { return float64((b - a).Microseconds()) / float64(r.Chunks) }
	r.MasterCPU, r.BrokerCPU = each(from.master, to.master), each(from.broker, to.broker)
	r.StateCPU, r.WorkersCPU = each(from.state, to.state), each(from.workers, to.workers)
	r.OtherCores = (to.other - from.other).Seconds() / to.at.Sub(from.at).Seconds()
}

// measure writes into the result what the work used and what the master did meanwhile.
func (st *stage) measure(r *result, work func() error) error {
	from, err := st.meter.read()
	if err != nil {
		return err
	}
	before, err := st.master.count()
	if err != nil {
		return err
	}
	if err := work(); err != nil {
		return err
	}
	after, err := st.master.count()
	if err != nil {
		return err
	}
	to, err := st.meter.read()
	r.fill(from, to)
	r.fillCounts(before, after)
	return err
}
