package actors

import (
	"slices"

	"github.com/asynkron/protoactor-go/actor"

	"kafka-master/messages"
)

// reportBackEnds tells the master which systems cannot be reached, when that changed. The
// problems know it.
func (v *view) reportBackEnds(ctx actor.Context) {
	list := []messages.BackEnd{v.backEnd("kafka", messages.ProblemKafka), v.backEnd("state", messages.ProblemState)}
	if v.role() == "leader" {
		list = append(list, v.backEnd("input", messages.ProblemInput))
	}
	if !slices.Equal(list, v.backEnds) {
		v.backEnds = list
		ctx.Send(ctx.Parent(), &backEnds{list: slices.Clone(list)})
	}
}

func (v *view) backEnd(name string, kind messages.ProblemKind) messages.BackEnd {
	for _, p := range v.all {
		if p.Kind == kind {
			return messages.BackEnd{Name: name, Since: p.Since, Error: messages.Clean(p.Text, messages.MaxBackEndError)}
		}
	}
	return messages.BackEnd{Name: name, OK: true}
}
