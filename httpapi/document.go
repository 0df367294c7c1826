package httpapi

import "github.com/danielgtaylor/huma/v2"

// forbidNullLists corrects the schemas, which allow null for every list. No list of this
// API is null.
func forbidNullLists(doc *huma.OpenAPI) {
	for _, schema := range doc.Components.Schemas.Map() {
		forbidNull(schema)
	}
}

func forbidNull(s *huma.Schema) {
	if s.Type == huma.TypeArray {
		s.Nullable = false
		forbidNull(s.Items)
	}
	for _, property := range s.Properties {
		forbidNull(property)
	}
	if values, ok := s.AdditionalProperties.(*huma.Schema); ok {
		forbidNull(values)
	}
}

// openAnswers lets the schemas of answers have fields that they do not name: later versions
// add some, and a strict client that was made of this document must go on reading. Bodies of
// requests may have no others, so that a mistyped field is refused.
func openAnswers(doc *huma.OpenAPI) {
	open := opener{schemas: doc.Components.Schemas, done: map[*huma.Schema]bool{}}
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Patch, item.Post, item.Put, item.Delete} {
			if op == nil {
				continue
			}
			for _, response := range op.Responses {
				for _, content := range response.Content {
					open.schema(content.Schema)
				}
			}
		}
	}
}

// opener opens schemas, each of them once.
type opener struct {
	schemas huma.Registry
	done    map[*huma.Schema]bool
}

func (o opener) schema(s *huma.Schema) {
	if s == nil || o.done[s] {
		return
	}
	o.done[s] = true
	if s.Ref != "" {
		o.schema(o.schemas.SchemaFromRef(s.Ref))
	}
	if s.AdditionalProperties == false {
		s.AdditionalProperties = nil
	}
	values, _ := s.AdditionalProperties.(*huma.Schema)
	o.schema(values)
	o.schema(s.Items)
	for _, property := range s.Properties {
		o.schema(property)
	}
	for _, choice := range append(append(append([]*huma.Schema(nil), s.OneOf...), s.AnyOf...), s.AllOf...) {
		o.schema(choice)
	}
}
