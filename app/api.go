package app

import (
	"context"
	"fmt"
	"time"

	"kafka-master/httpapi"
	"kafka-master/infra/settings"
	"kafka-master/web"
)

// serveAPI serves the HTTP API until stop is called. On loopback without a token it accepts
// only the host names of loopback, so that no web page reaches it by another name.
func (n *node) serveAPI() (stop func()) {
	cfg := httpapi.Config{
		Asker: n.sys, Token: n.s.APIToken.Reveal(), ReadToken: n.s.APIReadToken.Reveal(), ReadOnly: n.s.ReadOnly,
		Version: build().version, Logger: n.log, Advertise: n.s.APIAdvertise, Page: web.Files(),
		Settings: shownSettings(n.s), ChunkTopic: n.s.ChunkTopic, Results: n.newDownloads(),
	}
	switch {
	case len(n.s.APIAllowedHosts) > 0:
		cfg.AllowedHosts = n.s.APIAllowedHosts
	case n.s.APIOnLoopback() && !n.s.APIToken.IsSet():
		cfg.AllowedHosts = httpapi.LoopbackHosts()
	}
	server := httpapi.New(cfg)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		if err := server.Serve(n.api); err != nil {
			n.fail(fmt.Errorf("serve the API: %w", err))
		}
	}()
	return func() {
		ctx, cancel := context.WithTimeout(context.Background(), time.Second)
		defer cancel()
		if err := server.Shutdown(ctx); err != nil {
			n.log.Info("open calls of the API were closed", "err", err)
		}
		<-ended
	}
}

// fail ends the master. Only the first error counts.
func (n *node) fail(err error) {
	select {
	case n.failed <- err:
	default:
	}
}

// shownSettings returns the settings as the API shows them.
func shownSettings(s settings.Settings) (out []httpapi.Setting) {
	for _, l := range s.Describe() {
		out = append(out, httpapi.Setting{Name: l.Name, Value: l.Value, Source: l.Source, Doc: l.Doc, Secret: l.Secret})
	}
	return out
}
