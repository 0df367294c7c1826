package app

import (
	"context"
	"fmt"
	"time"

	"kafka-master/httpapi"
)

// serveAPI answers HTTP until stop is called. With the API on loopback and no
// token, only names of loopback may be asked for, so that no web page reaches it
// by a name of its own.
func (n *node) serveAPI() (stop func()) {
	cfg := httpapi.Config{Asker: n.sys, Token: n.s.APIToken.Reveal(), Version: build().version, Logger: n.log, Advertise: n.s.APIAdvertise}
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
			n.log.Info("calls of the API were cut off", "err", err)
		}
		<-ended
	}
}

// fail ends the master; the first reason counts.
func (n *node) fail(err error) {
	select {
	case n.failed <- err:
	default:
	}
}
