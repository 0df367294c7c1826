package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"kafka-master/messages"
)

// pathV1 is the prefix of all operations.
const pathV1 = "/api/v1"

// pathDocument is where the description of all operations is.
const pathDocument = pathV1 + "/openapi.json"

// allOperations registers the operations of all resources.
func (s *Server) allOperations() {
	for _, register := range []func(){
		s.registerCaller,
		s.registerCancel,
		s.registerChunks,
		s.registerDownloads,
		s.registerFiles,
		s.registerLetters,
		s.registerMasters,
		s.registerOverview,
		s.registerSeries,
		s.registerSettings,
		s.registerTopics,
		s.registerSteering,
		s.registerStrip,
		s.registerWaiting,
		s.registerWorkers,
	} {
		register()
	}
}

// addOperations adds the operations to the engine, and describes them.
func (s *Server) addOperations(e *gin.Engine) {
	format := huma.Format{Marshal: marshal, Unmarshal: json.Unmarshal}
	s.api = huma.NewAPI(huma.Config{
		OpenAPI: &huma.OpenAPI{
			OpenAPI: "3.1.0",
			Info: &huma.Info{
				Title: "Kafka Master", Version: s.cfg.Version,
				Description: "See and steer the work of a deployment. Any master answers: a standby passes a call to the leader.",
			},
			Components: &huma.Components{
				Schemas:         huma.NewMapRegistry("#/components/schemas/", schemaName),
				SecuritySchemes: map[string]*huma.SecurityScheme{"token": {Type: "http", Scheme: "bearer"}},
			},
			Security: []map[string][]string{{"token": {}}, {}},
		},
		Formats:       map[string]huma.Format{"application/json": format, "json": format},
		DefaultFormat: "application/json",
		Transformers:  []huma.Transformer{cleanProblem},
	}, adapter{humagin.New(e, huma.Config{}).Adapter()})
	s.api.UseMiddleware(s.checkRequest)
	s.allOperations()
	s.api.OpenAPI().AddOperation(eventsOperation())
	for _, kind := range downloadKinds {
		s.api.OpenAPI().AddOperation(kind.operation())
	}
	forbidNullLists(s.api.OpenAPI())
	openAnswers(s.api.OpenAPI())
	s.document, _ = json.Marshal(s.api.OpenAPI()) // cannot fail: tests compare it
}

// adapter is that of gin, with HEAD for every operation that answers GET.
type adapter struct{ huma.Adapter }

// Handle implements huma.Adapter.
func (a adapter) Handle(op *huma.Operation, handle func(huma.Context)) {
	a.Adapter.Handle(op, handle)
	if op.Method == http.MethodGet {
		head := *op
		head.Method = http.MethodHead
		a.Adapter.Handle(&head, handle)
	}
}

// none is the input of an operation without parameters.
type none struct{}

// answer is the output of every operation.
type answer[B any] struct{ Body B }

// changed is the answer to an action on one thing.
type changed[B any] struct {
	Old B `json:"old" doc:"Before the action."`
	New B `json:"new" doc:"After it."`
}

// register adds an operation. Its path is that below /api/v1, and its Errors are those that
// not every operation has. The handler returns the body of the answer, or an error of the
// package messages or of problem.go.
func register[I, B any](s *Server, op huma.Operation, handle func(context.Context, *I) (B, error)) {
	op.Path = pathV1 + op.Path
	op.Errors = append(op.Errors, http.StatusUnauthorized, http.StatusForbidden, http.StatusUnprocessableEntity, http.StatusServiceUnavailable)
	if changes(op.Method) {
		op.Errors = append(op.Errors, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType)
	}
	slices.Sort(op.Errors)
	op.Errors = slices.Compact(op.Errors)
	op.MaxBodyBytes = MaxBody
	path := op.Path
	huma.Register(s.api, op, func(ctx context.Context, in *I) (*answer[B], error) {
		body, err := handle(ctx, in)
		if err == nil {
			return &answer[B]{body}, nil
		}
		if s.passOn(ctx, err) {
			return nil, nil // the leader's answer was written
		}
		return nil, s.problem(path, err)
	})
}

// ask sends a question to the master and returns the answer.
func ask[A any](ctx context.Context, s *Server, q messages.Query) (answer A, err error) {
	ctx, cancel := context.WithTimeout(ctx, messages.AskTimeout)
	defer cancel()
	return question[A](ctx, s.cfg.Asker, q)
}

// question sends a question and returns the answer.
func question[A any](ctx context.Context, asker Asker, q messages.Query) (answer A, err error) {
	x, err := asker.Ask(ctx, q)
	if err != nil {
		return answer, err
	}
	answer, ok := x.(A)
	if !ok {
		return answer, fmt.Errorf("answer to %T is a %T", q, x)
	}
	return answer, nil
}

// schemaName names the schema of a type: type fileBody is File.
func schemaName(t reflect.Type, hint string) string {
	return strings.TrimSuffix(huma.DefaultSchemaNamer(t, hint), "Body")
}

// marshal writes an answer.
func marshal(w io.Writer, x any) error {
	body, err := json.Marshal(x)
	if err != nil {
		return err
	}
	_, err = w.Write(escapeControls(body))
	return err
}
