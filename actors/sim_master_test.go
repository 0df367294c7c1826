package actors

import (
	"context"
	"fmt"
	"testing/synctest"
	"time"

	"kafka-master/messages"
)

// simMaster is a master of a simulated world, process after process.
type simMaster struct {
	w       *simWorld
	id      string
	starts  int
	process *simProcess
	system  *System
	ending  bool
}

// start begins a process.
func (m *simMaster) start() {
	m.starts++
	p := &simProcess{name: fmt.Sprintf("%s.%d", m.id, m.starts)}
	m.process, m.ending = p, false
	cfg, bus, state := m.w.cfg, simBus{m.w.kafka, p}, simState{m.w.store, p}
	cfg.MasterID, cfg.API = m.id, m.id+":1"
	m.w.history.note("%s starts", p.name)
	parts := Parts{Store: state, Lease: state, Files: simFiles{m.w, p}, Producer: bus, Consumer: bus, Topics: bus, Groups: bus}
	if m.w.merges.on {
		parts.Merger = simMerger{m.w, p}
	}
	m.system = start(cfg, parts, m.w.log.With("master", p.name), m.w.driver.option(p))
	s := m.system
	m.w.living[p.name] = s
	go func() {
		<-s.Done()
		m.w.driver.note(0, func() { m.ended(s, p) })
	}()
}

// ended is called when all actors of a process are gone.
func (m *simMaster) ended(s *System, p *simProcess) {
	delete(m.w.living, p.name)
	for _, kind := range s.unknownMessages() {
		m.w.history.violate("S13", "a message that its receiver does not know: %s", kind)
	}
	if !p.ordered {
		s.sys.Shutdown() // an ordered stop does that itself
	}
	if m.system != s {
		return
	}
	if err := s.Err(); err != nil && !m.ending {
		m.w.history.note("%s gives up: %v", m.process.name, err)
		if !m.w.panicked {
			m.w.history.violate("S13", "%s gives up: %v", m.process.name, err)
		}
		m.process.dead = true
		m.w.later(time.Second, m.start)
	}
}

// crash ends the process at once: nothing that it does from now on has an effect.
func (m *simMaster) crash() {
	if m.process.dead {
		return
	}
	m.w.history.note("%s crashes", m.process.name)
	m.process.dead, m.process.frozen, m.ending = true, time.Time{}, true
	m.system.sys.Root.Stop(m.system.master)
}

// stop ends the process in order.
func (m *simMaster) stop(then func()) {
	if m.process.dead || m.ending {
		return
	}
	m.w.history.note("%s stops", m.process.name)
	m.ending, m.process.ordered = true, true
	s, p := m.system, m.process
	go func() {
		ctx, cancel := context.WithTimeout(context.Background(), 8*time.Second)
		defer cancel()
		_ = s.Stop(ctx)
		m.w.driver.note(0, func() {
			p.dead = true
			then()
		})
	}()
}

// ask puts a question to the master; then gets the answer as a step of its own.
func (m *simMaster) ask(q messages.Query, then func(any, error)) {
	s, d := m.system, m.w.driver
	d.asked++
	question := d.asked
	go func() {
		a, err := s.Ask(context.Background(), q)
		d.note(question, func() { then(a, err) })
	}()
	synctest.Wait() // the next question of this step arrives behind this one
}

// actors counts the actors that the process has.
func (m *simMaster) actors() (n int) {
	pids := m.system.sys.ProcessRegistry.LocalPIDs.LocalPIDs
	for i := range pids {
		n += pids[i].Count()
	}
	return n
}
