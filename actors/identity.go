package actors

import (
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// Values may be implemented by a Lease: it reads values of the store, whoever leads.
type Values interface {
	// Values returns the stored values of these names. Missing ones are left out.
	Values(ctx context.Context, names ...string) (map[string]string, error)
}

// identity is what masters of one store must have in common.
type identity struct {
	Input  string   `json:"input"`
	Topics []string `json:"topics"`
}

func (c Config) identity() identity {
	return identity{Input: c.Input, Topics: []string{c.ChunkTopic, c.SignalTopic, c.ConnectionTopic, c.HeartbeatTopic}}
}

// encoded returns v as JSON.
func encoded(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // it holds strings and numbers only
	}
	return string(text)
}

// String returns the identity for people.
func (i identity) String() string {
	return fmt.Sprintf("input folder %s, topics %s", i.Input, strings.Join(i.Topics, ", "))
}

// seenFile is what every master sees of a file. Times are left out, because they differ
// between machines that mount one share.
type seenFile struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

// sampled is how many of the leader's files a standby searches for.
const sampled = 8

// kinship tells whether a standby belongs to the state that it stands by for.
type kinship int

const (
	unknownKin kinship = iota
	kin
	doubtfulKin // its folder has none of the leader's files, which may have just been moved
	strangerKin
)

const (
	// compareEvery is the pause between two comparisons of a standby with the state.
	compareEvery = 10 * time.Second
	// doubtEvery is that pause while the files differ.
	doubtEvery = time.Second
	// doubtFor is how long a living leader must name the same files, none of which is here,
	// before this counts as another folder: files may have just been moved away, and a
	// leader that ended leaves the names that it saw last. A living leader lists its folder
	// several times within that time.
	doubtFor = leaseTTL + 3*scanEvery
	// compareTimeout bounds a comparison.
	compareTimeout = 10 * time.Second
)

type (
	// compared reports what a standby found in the store and in the folder.
	compared struct {
		values map[string]string
		files  []messages.FileInfo
		listed bool // the folder could be listed
		err    error
	}
	// knownDeployment reports the random id of the state.
	knownDeployment struct{ id string }
)

// compare reads what the leader works on. It does nothing while a comparison is in flight,
// and where nobody else can lead.
func (e *elector) compare(ctx actor.Context) {
	values, ok := e.lease.(Values)
	if !ok || e.comparing || time.Now().Before(e.compareAt) {
		return
	}
	e.comparing = true
	files := e.files
	call(ctx, e.ctx, compareTimeout, func(c context.Context) any {
		out := &compared{}
		out.values, out.err = values.Values(c, messages.ValueIdentity, messages.ValueSample, messages.ValueDeployment, messages.ValueLogLevel)
		if out.err == nil && files != nil {
			list, err := files.List(c)
			out.files, out.listed = list, err == nil
		}
		return out
	})
}

func (e *elector) onCompared(ctx actor.Context, m *compared) {
	e.comparing = false
	e.compareAt = time.Now().Add(compareEvery)
	if m.err != nil {
		e.compareAt = time.Now().Add(doubtEvery)
		return
	}
	if id := m.values[messages.ValueDeployment]; id != "" {
		e.deployment = id
	}
	if !e.leads {
		e.cfg.useLogLevel(storedLogLevel(m.values))
	}
	if m.values[messages.ValueIdentity] == "" && e.kinship == strangerKin {
		return // the state is gone, and it was not that of this master
	}
	now, text := e.cfg.identity().kinship(m)
	if now == doubtfulKin {
		now = e.doubt(m.values[messages.ValueSample])
	} else {
		e.doubted = ""
	}
	switch {
	case now == doubtfulKin, now == unknownKin && e.kinship == kin:
		return
	case now == unknownKin:
		now = strangerKin
	}
	if now != e.kinship && now == strangerKin {
		e.log.Warn("this master does not belong to the state that it stands by for, and does not take over", "detail", text)
	}
	if now != e.kinship {
		e.kinship = now
		ctx.Send(e.owner, &estranged{text: text})
	}
}

// doubt decides what it means that none of the leader's files is here.
func (e *elector) doubt(sample string) kinship {
	now := time.Now()
	if sample != e.doubted {
		e.doubted, e.doubtedAt = sample, now
	}
	if e.kinship == strangerKin || e.otherLeaderAt.Sub(e.doubtedAt) >= doubtFor {
		return strangerKin
	}
	e.compareAt = now.Add(doubtEvery)
	return doubtfulKin
}

// mayTakeOver reports whether a master that stood by may lead. One that is in doubt may:
// if it was the leader itself and was killed, nobody else would ever lead.
func (e *elector) mayTakeOver() bool {
	_, known := e.lease.(Values)
	return !known || !e.stoodBy || e.kinship == kin || e.kinship == unknownKin && e.doubted != ""
}

// kinship decides from what was found. The text names the difference. Masters may reach
// one folder by different paths, so the files decide rather than its name. The kinship is
// unknown when the names differ and there are no files to decide.
func (i identity) kinship(m *compared) (kinship, string) {
	var other identity
	if json.Unmarshal([]byte(m.values[messages.ValueIdentity]), &other) != nil {
		return kin, "" // there is none, or it is that of an earlier version
	}
	const (
		begin = "this master does not take over: "
		cure  = "; give both masters the same settings, or this one a REDIS_PREFIX of its own"
	)
	folders := fmt.Sprintf("input folder there %.80s, here %.80s", other.Input, i.Input)
	if !slices.Equal(i.Topics, other.Topics) {
		return strangerKin, begin + "the masters of this state use other topics" + cure +
			fmt.Sprintf(": there %s; here %s", strings.Join(other.Topics, ", "), strings.Join(i.Topics, ", "))
	}
	var sample []seenFile
	known := json.Unmarshal([]byte(m.values[messages.ValueSample]), &sample) == nil
	if known && len(sample) == 0 && m.listed && len(m.files) == 0 {
		return kin, "" // both folders are empty, so nothing could be lost
	}
	if len(sample) == 0 || !m.listed {
		if i.Input != other.Input {
			return unknownKin, begin + "the masters of this state use another folder" + cure + ": " + folders
		}
		return kin, ""
	}
	for _, f := range m.files {
		if slices.Contains(sample, seenFile{f.Path, f.Size}) {
			return kin, ""
		}
	}
	return doubtfulKin, begin + "it does not see the files of the one that leads" + cure + fmt.Sprintf(": %.80s, for example; %s", sample[0].Path, folders)
}
