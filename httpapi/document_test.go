package httpapi

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/danielgtaylor/huma/v2"
	"github.com/stretchr/testify/require"
)

// document is the whole OpenAPI document as a program reads it.
func document(t *testing.T) map[string]any {
	t.Helper()
	var doc map[string]any
	require.NoError(t, json.Unmarshal(New(Config{Asker: newFake()}).document, &doc))
	return doc
}

// objects calls f with every schema of an object below a part of the document.
func objects(doc map[string]any, at any, seen map[string]bool, f func(schema map[string]any)) {
	switch x := at.(type) {
	case []any:
		for _, y := range x {
			objects(doc, y, seen, f)
		}
	case map[string]any:
		if ref, ok := x["$ref"].(string); ok && !seen[ref] {
			seen[ref] = true
			name := strings.TrimPrefix(ref, "#/components/schemas/")
			objects(doc, doc["components"].(map[string]any)["schemas"].(map[string]any)[name], seen, f)
		}
		if _, is := x["properties"].(map[string]any); is {
			f(x)
		}
		for _, y := range x {
			objects(doc, y, seen, f)
		}
	}
}

// eachOperation calls f with every operation of the document.
func eachOperation(doc map[string]any, f func(op map[string]any)) {
	for _, item := range doc["paths"].(map[string]any) {
		for _, op := range item.(map[string]any) {
			if op, ok := op.(map[string]any); ok {
				f(op)
			}
		}
	}
}

// A field that a later version adds to an answer must not break strict clients that were made
// of the document, and a field that an operation does not know is refused.
func TestAnswersMayGrowAndRequestsMayNot(t *testing.T) {
	t.Parallel()
	doc, answers, bodies := document(t), 0, 0
	eachOperation(doc, func(op map[string]any) {
		objects(doc, op["responses"], map[string]bool{}, func(schema map[string]any) {
			answers++
			require.NotEqual(t, false, schema["additionalProperties"], "an answer of %s: %v", op["operationId"], schema)
		})
		objects(doc, op["requestBody"], map[string]bool{}, func(schema map[string]any) {
			bodies++
			require.Equal(t, false, schema["additionalProperties"], "a body of %s: %v", op["operationId"], schema)
		})
	})
	require.Greater(t, answers, 100)
	require.GreaterOrEqual(t, bodies, 8)

	tried := map[string]bool{}
	for _, x := range examples() {
		if x.status != http.StatusOK || !strings.HasPrefix(x.body, "{") {
			continue
		}
		tried[x.operation] = true
		more := `{"surprise":1,` + strings.TrimPrefix(x.body, "{")
		requireProblem(t, send(t, busyMaster(), methodOf(doc, x.operation), pathV1+x.target, strings.Replace(more, ",}", "}", 1)), http.StatusUnprocessableEntity, "surprise")
	}
	eachOperation(doc, func(op map[string]any) {
		if op["requestBody"] != nil {
			require.True(t, tried[op["operationId"].(string)], op["operationId"])
		}
	})
}

// A client that was made of the document reads an answer of JSON as what its schema says.
func TestJSONIsNoText(t *testing.T) {
	t.Parallel()
	eachOperation(document(t), func(op map[string]any) {
		for status, response := range op["responses"].(map[string]any) {
			content, _ := response.(map[string]any)["content"].(map[string]any)
			for media, x := range content {
				if strings.Contains(media, "json") && media != "application/x-ndjson" {
					require.NotEqual(t, "string", x.(map[string]any)["schema"].(map[string]any)["type"], "%s, %s", op["operationId"], status)
				}
			}
		}
	})
}

// methodOf returns the method of an operation.
func methodOf(doc map[string]any, id string) (method string) {
	for _, item := range doc["paths"].(map[string]any) {
		for m, op := range item.(map[string]any) {
			if op, ok := op.(map[string]any); ok && op["operationId"] == id {
				method = strings.ToUpper(m)
			}
		}
	}
	return method
}

// closeAnswers undoes openAnswers, so that a test finds fields of answers that the document does
// not name.
func closeAnswers(doc *huma.OpenAPI) {
	for _, s := range doc.Components.Schemas.Map() {
		if s.Type == huma.TypeObject && len(s.Properties) > 0 && s.AdditionalProperties == nil {
			s.AdditionalProperties = false
		}
	}
}
