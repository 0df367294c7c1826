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

// Values is what a Lease may know beyond the lease: what the store holds under
// some names, whoever leads.
type Values interface {
	// Values returns the stored values of these names; missing ones are left out.
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

func encoded(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		panic(err) // strings and numbers only
	}
	return string(text)
}

// String is the identity as a person reads it.
func (i identity) String() string {
	return fmt.Sprintf("input folder %s, topics %s", i.Input, strings.Join(i.Topics, ", "))
}

// seenFile is a file as it must look to every master. Times differ between
// machines that mount one share.
type seenFile struct {
	Path string `json:"path"`
	Size int64  `json:"size"`
}

// sampled is how many files of the leader a standby looks for.
const sampled = 8

// kinship is whether a standby belongs to the state that it stands by for.
type kinship int

const (
	unknownKin kinship = iota
	kin
	doubtfulKin // its folder has none of the leader's files, which may just have moved
	strangerKin
)

const (
	// compareEvery is how often a standby compares itself with the state.
	compareEvery = 10 * time.Second
	// doubtEvery is how soon it looks again when the files differ.
	doubtEvery = time.Second
	// doubtFor is how long the leader must have lived on and named the same files,
	// none of which is here, for this to be another folder: files may just have gone,
	// and a leader that ended names what it saw last for ever. It lists the folder
	// some times in that time, whatever its lease says of how long it has lived.
	doubtFor = leaseTTL + 3*scanEvery
	// compareTimeout bounds one look, the listing of a share and all.
	compareTimeout = 5 * time.Second
)

type (
	// compared is what a standby found in store and folder.
	compared struct {
		values map[string]string
		files  []messages.FileInfo
		listed bool // files is right
		err    error
	}
	// estranged tells the owner that this master does not belong to the state;
	// without a text it does.
	estranged struct{ text string }
	// knownDeployment tells the random id of the state.
	knownDeployment struct{ id string }
)

// compare looks at what the leader works on. It does nothing while a look is
// under way, and where nobody else can lead.
func (e *elector) compare(ctx actor.Context) {
	values, ok := e.lease.(Values)
	if !ok || e.comparing || time.Now().Before(e.nextLook) {
		return
	}
	e.comparing = true
	parent, files := e.ctx, e.files
	run(ctx, func() any {
		out := &compared{}
		out.err = within(parent, compareTimeout, func(c context.Context) (err error) {
			out.values, err = values.Values(c, messages.ValueIdentity, messages.ValueSample, messages.ValueDeployment)
			return err
		})
		if out.err == nil && files != nil {
			err := within(parent, compareTimeout, func(c context.Context) (err error) {
				out.files, err = files.List(c)
				return err
			})
			out.listed = err == nil
		}
		return out
	})
}

func (e *elector) onCompared(ctx actor.Context, m *compared) {
	e.comparing = false
	e.nextLook = time.Now().Add(compareEvery)
	if m.err != nil {
		e.nextLook = time.Now().Add(doubtEvery)
		return
	}
	if id := m.values[messages.ValueDeployment]; id != "" {
		e.deployment = id
	}
	if m.values[messages.ValueIdentity] == "" && e.kinship == strangerKin {
		return // the state is gone, and was not ours
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

// doubt judges that none of the leader's files is here.
func (e *elector) doubt(sample string) kinship {
	now := time.Now()
	if sample != e.doubted {
		e.doubted, e.doubtedAt = sample, now
	}
	if e.kinship == strangerKin || e.others.Sub(e.doubtedAt) >= doubtFor {
		return strangerKin
	}
	e.nextLook = now.Add(doubtEvery)
	return doubtfulKin
}

// mayTakeOver says whether a master that stood by may lead. One that is in doubt may:
// if it was the leader itself, and was killed, nobody else would ever lead.
func (e *elector) mayTakeOver() bool {
	_, known := e.lease.(Values)
	return !known || !e.stood || e.kinship == kin || e.kinship == unknownKin && e.doubted != ""
}

// kinship judges what was found; the text says what differs. Masters may reach
// one folder by different paths, so files that are seen decide over its name. It is
// unknown when the names differ and there are no files to tell.
func (i identity) kinship(m *compared) (kinship, string) {
	var other identity
	if json.Unmarshal([]byte(m.values[messages.ValueIdentity]), &other) != nil {
		return kin, "" // of an earlier version, or none
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
		return kin, "" // both folders are empty: there is nothing that could be lost
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
