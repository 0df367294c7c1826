package selftest

import (
	"math/rand/v2"
	"time"
)

// kind is a kind of damage.
type kind int

const (
	killWorker   kind = iota // kill -9, and start it again
	killMaster               // the same
	freezeWorker             // a worker stands still, so that its messages are late
	resultsAway              // results cannot be written
	garbage                  // bytes that are no message, in every topic
	repeatAll                // the last messages of every topic arrive once more
	batchSize                // the batch size changes
	kinds
)

var kindNames = [kinds]string{"worker killed", "master killed", "worker frozen", "results not writable", "garbage in the topics", "messages repeated", "batch size changed"}

// String names the kind for people.
func (k kind) String() string { return kindNames[k] }

// event is damage at a time after the start.
type event struct {
	at   time.Duration
	kind kind
	who  int           // which worker or master
	last time.Duration // how long it lasts
	size int           // batch size
}

// schedule draws what happens within a time. The first events are of all kinds, so that
// none is missed by a short run.
func schedule(seed uint64, within time.Duration, workers, masters int) (list []event) {
	rng := rand.New(rand.NewPCG(seed, 0))
	order := rng.Perm(int(kinds))
	pause := within / time.Duration(kinds+1)
	pause = min(pause, 2*time.Second)
	for at := pause; at < within; at += pause/2 + time.Duration(rng.Int64N(int64(pause))) {
		k := kind(rng.IntN(int(kinds)))
		if len(list) < len(order) {
			k = kind(order[len(list)])
		}
		e := event{at: at, kind: k, who: rng.IntN(workers), last: time.Second/2 + time.Duration(rng.Int64N(int64(2*time.Second))), size: 10 + rng.IntN(300)}
		switch k {
		case killMaster:
			e.who = rng.IntN(masters)
		case freezeWorker:
			e.last *= 6 // beyond the 9 s after which a worker is lost
		}
		list = append(list, e)
	}
	return list
}
