package actors

import (
	"context"
	"sync"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// topicDetails lets many questions for the partitions share one reading. Its zero value is
// ready for use.
type topicDetails struct {
	at      time.Time
	list    []messages.TopicDetail
	waiting []*actor.PID
	flying  bool
}

// detailsRead is the result of a reading.
type detailsRead struct{ list []messages.TopicDetail }

const (
	// detailsFor is how long a reading is shared. For each topic it costs two requests to every
	// broker that leads partitions of it, and one for the committed offsets.
	detailsFor = 2 * time.Second
	// detailsTimeout bounds one reading, within the time of an answer.
	detailsTimeout = 2500 * time.Millisecond
	// maxTopicError is how many characters of a topic's error are shown.
	maxTopicError = 300
)

func (t *topics) onDetails(ctx actor.Context) {
	d := &t.details
	switch sender := ctx.Sender(); {
	case sender == nil:
	case !d.at.IsZero() && time.Since(d.at) < detailsFor:
		ctx.Send(sender, d.list)
	case len(d.waiting) >= maxWaiting:
		ctx.Send(sender, unavailable("too many questions are open"))
	default:
		if d.waiting = append(d.waiting, sender); d.flying {
			return
		}
		d.flying = true
		call(ctx, t.ctx, detailsTimeout, func(c context.Context) any { return &detailsRead{list: t.readDetails(c)} })
	}
}

func (t *topics) onDetailsRead(ctx actor.Context, m *detailsRead) {
	d := &t.details
	d.at, d.list, d.flying = time.Now(), m.list, false
	for _, pid := range d.waiting {
		ctx.Send(pid, d.list)
	}
	d.waiting = nil
}

// readDetails reads all topics at once. It runs beside the actor and uses only fields that
// never change.
func (t *topics) readDetails(ctx context.Context) []messages.TopicDetail {
	list := []messages.TopicDetail{
		{Name: t.cfg.ChunkTopic, Use: "chunks", Group: t.cfg.WorkerGroup}, {Name: t.cfg.SignalTopic, Use: "signals", Group: t.cfg.Group},
		{Name: t.cfg.ConnectionTopic, Use: "connections", Group: t.cfg.Group}, {Name: t.cfg.HeartbeatTopic, Use: "masters"},
	}
	var all sync.WaitGroup
	for i := range list {
		all.Go(func() { t.readDetail(ctx, &list[i]) })
	}
	all.Wait()
	return list
}

// readDetail reads one topic, as far as Kafka answers.
func (t *topics) readDetail(ctx context.Context, d *messages.TopicDetail) {
	start, end, err := t.in.Offsets(ctx, d.Name)
	var committed []int64
	if d.Group != "" {
		var other error
		if committed, other = t.groups.Committed(ctx, d.Group, d.Name); err == nil {
			err = other
		}
	}
	if err != nil {
		d.Error = messages.CleanLine(err.Error(), maxTopicError)
	}
	for p := range max(len(end), len(committed)) {
		x := messages.PartitionDetail{
			Leader: t.in.Leader(d.Name, int32(p)), Start: messages.UnknownOffset, End: messages.UnknownOffset, Committed: messages.UnknownOffset,
		}
		if p < len(end) {
			x.Start, x.End = start[p], end[p]
		}
		if p < len(committed) {
			x.Committed = committed[p]
		}
		d.Partitions = append(d.Partitions, x)
	}
}
