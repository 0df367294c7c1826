// Package httpapi is the HTTP API of a master. It does not know actors, Kafka or Redis:
// every answer comes from an Asker.
//
// A request passes the log, the panic recovery, the headers, the limits and the checks
// of host and token (middleware.go, guard.go) before gin routes it (routes.go). The legacy
// endpoints, the probes and /metrics are plain handlers of gin. Everything below /api/v1 is
// an operation of huma (api.go), which checks parameters and bodies and describes itself in
// the OpenAPI document.
//
// # How to add an operation
//
// Each resource has a file with its types, a method that registers its operations, and a
// line in allOperations (api.go).
//
//   - Input: fields with the tags path or query, and a field Body; embed Page in the input of
//     a list. Every field has a doc tag, and the bounds that huma checks. Unknown or repeated
//     parameters, unknown fields and wrong values never reach the handler.
//   - Answer: a type whose name ends in Body, which is left out of the schema's name. Lists are
//     [] and never null. Times are *time.Time made by jsonTime.
//   - An operation that answers GET reads, and answers HEAD too. One with another method changes
//     something: it is refused to pages of other sites and to callers who may only read.
//   - Questions go to the actors with ask. An error is returned as it is: problem.go makes an
//     answer of it, and a standby passes the call to the leader. For own refusals there are
//     notFound and badValue; the actors have messages.ErrConflict, ErrNotFound and ErrRange.
//   - by(ctx) names the caller, for the message of an action.
//   - UPDATE=1 go test -run OpenAPI ./httpapi writes the document that is compared
//     (testdata/openapi.json). Examples of calls belong in operations_test.go, which checks
//     their answers against the document.
//
// This is all that a new resource needs:
//
//	type pumpInput struct {
//		ID   messages.FileID `path:"id" minimum:"1" doc:"Number of the version of the file."`
//		Body struct {
//			Speed int `json:"speed" minimum:"1" maximum:"9" doc:"Strokes per second."`
//		}
//	}
//
//	type pumpBody struct {
//		Speed int `json:"speed" doc:"Strokes per second."`
//	}
//
//	func (s *Server) registerPumps() {
//		register(s, huma.Operation{
//			OperationID: "set-pump", Method: http.MethodPatch, Path: "/files/{id}/pump",
//			Summary: "Set the speed of a pump", Errors: []int{http.StatusNotFound},
//		}, s.setPump)
//	}
//
//	func (s *Server) setPump(ctx context.Context, in *pumpInput) (out changed[pumpBody], err error) {
//		x, err := ask[messages.PumpSet](ctx, s, messages.SetPump{ID: in.ID, Speed: in.Body.Speed, By: by(ctx)})
//		if err != nil {
//			return out, err
//		}
//		return changed[pumpBody]{Old: showPump(x.Old), New: showPump(x.New)}, nil
//	}
package httpapi
