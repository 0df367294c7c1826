package httpapi

import (
	"context"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"kafka-master/messages"
)

// rescannedBody is the answer of /api/v1/files/rescan.
type rescannedBody struct {
	Files    int `json:"files" doc:"Files in the folder."`
	Settling int `json:"settling" doc:"Those of them that are not in work yet."`
}

func (s *Server) registerCancel() {
	register(s, huma.Operation{
		OperationID: "cancel-file", Method: http.MethodPost, Path: "/files/{id}/cancel",
		Summary:     "Have a file in work not finished",
		Description: "Nothing more of it is cut or handed out. What workers have may end and counts; the rest is cancelled, which cannot be undone.",
		Errors:      []int{http.StatusNotFound, http.StatusConflict},
	}, s.cancelFile)
	register(s, huma.Operation{
		OperationID: "acknowledge-file", Method: http.MethodPost, Path: "/files/{id}/acknowledge",
		Summary: "Take it off the list of problems that a file changed while it was in work, or failed",
		Errors:  []int{http.StatusNotFound, http.StatusConflict},
	}, s.acknowledgeFile)
	register(s, huma.Operation{
		OperationID: "rescan-files", Method: http.MethodPost, Path: "/files/rescan", Summary: "List the input folder now",
	}, s.rescan)
}

// cancelFile cancels the file with the id in the path.
func (s *Server) cancelFile(ctx context.Context, in *fileInput) (out changed[oneFileBody], err error) {
	done, err := ask[messages.FileChange](ctx, s, messages.CancelFile{ID: in.ID, By: by(ctx)})
	if err != nil {
		return out, err
	}
	return changed[oneFileBody]{Old: showOneFile(*done.Old), New: showOneFile(*done.New)}, nil
}

// acknowledgeFile takes note that the file with the id in the path changed.
func (s *Server) acknowledgeFile(ctx context.Context, in *fileInput) (out changed[oneFileBody], err error) {
	done, err := ask[messages.FileChange](ctx, s, messages.AcknowledgeFile{ID: in.ID, By: by(ctx)})
	if err != nil {
		return out, err
	}
	return changed[oneFileBody]{Old: showOneFile(*done.Old), New: showOneFile(*done.New)}, nil
}

// rescan lists the input folder.
func (s *Server) rescan(ctx context.Context, _ *none) (out rescannedBody, err error) {
	r, err := ask[messages.Rescanned](ctx, s, messages.Rescan{By: by(ctx)})
	return rescannedBody{r.Files, r.Settling}, err
}
