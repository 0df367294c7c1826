package actors

import (
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// replaceClassic gives a classic worker whose supervisor failed another one. The worker is
// idle soon and sends nothing then, so it would get no chunk until its group rebalances. A
// replacement that failed at once would do so again.
func (f *fleet) replaceClassic(ctx actor.Context, id messages.WorkerID, w *member) {
	if w.leaving || f.members[id] != nil || w.status.Kind != messages.Classic || w.replacement && time.Since(w.registered) < time.Second {
		return
	}
	m := f.register(ctx, messages.Worker{ID: id, Kind: messages.Classic, Partitions: w.status.Partitions, Capacity: 1, Seen: w.seen}, nil)
	m.replacement = true
}

// reportClassicSoon reports the classic workers to the group actor soon, once for many changes.
func (f *fleet) reportClassicSoon(ctx actor.Context) {
	if f.reportDue.timer == nil && (len(f.classic) > 0 || f.reported.count > 0) {
		f.reportDue.set(ctx, reportAfter)
	}
}

// reportAfter is how long changes of the classic workers are collected.
const reportAfter = 20 * time.Millisecond

// reportClassic reports the classic workers to the group actor when they changed.
func (f *fleet) reportClassic(ctx actor.Context) {
	now := classicWorkers{count: len(f.classic)}
	for _, id := range slices.Sorted(maps.Keys(f.classic)) {
		st := f.classic[id].status
		if st.State == messages.WorkerLost {
			continue
		}
		if st.Working {
			now.working++
		}
		if len(st.Partitions) > 0 && !st.Silent {
			now.lists = append(now.lists, st.Partitions)
		}
	}
	if now.count != f.reported.count || now.working != f.reported.working || !slices.EqualFunc(now.lists, f.reported.lists, slices.Equal[[]int32]) {
		f.reported = now
		ctx.Send(f.group, &now)
	}
}
