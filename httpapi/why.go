package httpapi

import (
	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// whyBody is why a chunk, a file or a worker does not run.
type whyBody struct {
	Reason messages.Reason `json:"reason"`
	Text   string          `json:"text"`
}

// Schema implements huma.SchemaProvider. What runs has null in its place.
func (whyBody) Schema(huma.Registry) *huma.Schema {
	var all []string
	for _, r := range messages.Reasons() {
		all = append(all, string(r))
	}
	s := &huma.Schema{
		Type: huma.TypeObject, Nullable: true, AdditionalProperties: false, Required: []string{"reason", "text"},
		Properties: map[string]*huma.Schema{"reason": oneOf(all), "text": {Type: huma.TypeString, Description: "One sentence for people."}},
	}
	s.PrecomputeMessages()
	return s
}

// maxWhy is how many characters of a reason are shown.
const maxWhy = 300

// showWhy returns nil for what runs.
func showWhy(w messages.Why) *whyBody {
	if w.Runs() {
		return nil
	}
	return &whyBody{w.Reason, messages.CleanLine(w.Text, maxWhy)}
}
