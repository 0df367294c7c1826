package doctor

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
)

// API checks that the port of the HTTP API is free or belongs to a master. listen is
// the address that the API listens on, and connect the one that reaches it from this
// machine. token is its API_TOKEN.
func API(listen, connect, token string) Check {
	return Check{Name: "api", Run: func(ctx context.Context) []Finding {
		status, body, err := Get(ctx, "http://"+connect+"/readyz?verbose", token)
		if err == nil && (strings.HasPrefix(body, "ready: ") || strings.HasPrefix(body, "not ready: ")) {
			return reportMaster(ctx, connect, token, status, body)
		}
		l, err := net.Listen("tcp", listen)
		switch {
		case errors.Is(err, syscall.EADDRINUSE):
			return fail("%s is in use by another program: set API_SERVER_PORT to a free port, or stop that program", listen)
		case errors.Is(err, syscall.EACCES):
			return fail("this user may not listen on %s: set API_SERVER_PORT to a port above 1023: %v", listen, err)
		case err != nil:
			return fail("cannot listen on %s: correct API_LISTEN and API_SERVER_PORT: %v", listen, err)
		}
		if err := l.Close(); err != nil {
			return fail("%s: %v", listen, err)
		}
		return ok("%s is free, no master runs here", listen)
	}}
}

// reportMaster returns the state of a running master as the master itself reports it.
func reportMaster(ctx context.Context, connect, token string, status int, body string) []Finding {
	lines := strings.Split(strings.TrimSpace(body), "\n")
	found := ok("a master answers at %s: %s", connect, lines[0])
	if status != http.StatusOK {
		found = fail("a master answers at %s: %s", connect, lines[0])
	}
	for _, problem := range lines[1:] {
		if !strings.HasSuffix(lines[0], problem) {
			found = append(found, warn("the master reports: %s", problem)...)
		}
	}
	return append(found, reportWorkers(ctx, connect, token)...)
}

// reportWorkers returns the number of workers of a running master.
func reportWorkers(ctx context.Context, connect, token string) []Finding {
	status, body, err := Get(ctx, "http://"+connect+"/api/getWorkersStatus", token)
	var all map[string]string
	switch {
	case err != nil:
		return warn("the workers of the master are unknown: %v", err)
	case status == http.StatusUnauthorized:
		return warn("the workers of the master are unknown: it was started with another API_TOKEN than the one set here")
	case status != http.StatusOK || json.Unmarshal([]byte(body), &all) != nil:
		return warn("the workers of the master are unknown: %d %s", status, body)
	case len(all) == 0: // the master itself reports how to start one
		return warn("the master has no workers")
	}
	free := 0
	for _, state := range all {
		if state == "1" {
			free++
		}
	}
	return ok("%d workers, %d with a free slot", len(all), free)
}

// maxAnswer bounds the answer of a master that is read, in bytes.
const maxAnswer = 16 << 20

// Get makes one request to a master of this machine and returns the body.
func Get(ctx context.Context, url, token string) (status int, body string, err error) {
	status, answer, err := Call(ctx, http.MethodGet, url, token, nil)
	return status, string(answer), err
}

// Call makes one request to a master and returns the body of the answer. That of the
// request is JSON, or nil for none.
func Call(ctx context.Context, method, url, token string, body []byte) (status int, answer []byte, err error) {
	req, err := http.NewRequestWithContext(ctx, method, url, bytes.NewReader(body))
	if err != nil {
		return 0, nil, fmt.Errorf("%s %s: %w", method, url, err)
	}
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	// This transport ignores the proxy settings of the environment: masters are on this
	// machine or in the own network.
	res, err := (&http.Client{Transport: &http.Transport{DisableKeepAlives: true}}).Do(req)
	if err != nil {
		return 0, nil, err
	}
	defer res.Body.Close()
	answer, err = io.ReadAll(io.LimitReader(res.Body, maxAnswer))
	return res.StatusCode, answer, err
}
