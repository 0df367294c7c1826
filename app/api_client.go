package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"kafka-master/doctor"
	"kafka-master/infra/settings"
	"kafka-master/messages"
)

// errUnreachable is the error of a command that gets no answer of a master that leads.
var errUnreachable = errors.New("no master answers")

// errNotNow is the error of a master that answers, but has no leader to ask, or is one that begins.
var errNotNow = fmt.Errorf("%w for now", errUnreachable)

// apiLimit bounds one call: a master answers within messages.AskTimeout, and a standby
// asks the leader.
const apiLimit = 10 * time.Second

// apiClient calls the API of a master. Any master does, since a standby forwards calls to
// the leader.
type apiClient struct{ base, token string }

// newAPIClient returns a client for the address, which is host:port with or without
// http://; without one, for the master of this machine.
func newAPIClient(address string, s settings.Settings) (*apiClient, error) {
	if address == "" {
		address = probeAddress(s)
	}
	base := address
	if !strings.Contains(base, "://") {
		if _, _, err := net.SplitHostPort(base); err != nil {
			return nil, fmt.Errorf("%w: --api %q: must be host:port", errUsage, address)
		}
		base = "http://" + base
	}
	if _, err := url.Parse(base); err != nil {
		return nil, fmt.Errorf("%w: --api %q: %v", errUsage, address, err)
	}
	return &apiClient{base: strings.TrimSuffix(base, "/"), token: s.APIToken.Reveal()}, nil
}

// get asks for a path and decodes the answer.
func (c *apiClient) get(ctx context.Context, path string, out any) error {
	return c.call(ctx, http.MethodGet, path, nil, out)
}

// post sends in as JSON, nothing for nil, and decodes the answer.
func (c *apiClient) post(ctx context.Context, path string, in, out any) error {
	return c.send(ctx, http.MethodPost, path, in, out)
}

// patch sends what is to change as JSON and decodes the answer.
func (c *apiClient) patch(ctx context.Context, path string, in, out any) error {
	return c.send(ctx, http.MethodPatch, path, in, out)
}

func (c *apiClient) send(ctx context.Context, method, path string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return fmt.Errorf("encode the request: %w", err)
		}
	}
	return c.call(ctx, method, path, body, out)
}

func (c *apiClient) call(ctx context.Context, method, path string, body []byte, out any) error {
	limited, cancel := context.WithTimeout(ctx, apiLimit)
	defer cancel()
	status, answer, err := doctor.Call(limited, method, c.base+path, c.token, body)
	if err != nil && ctx.Err() != nil { // the caller left, which says nothing about the master
		return fmt.Errorf("stopped before %s answered: %w", c.base, err)
	}
	if err != nil {
		return fmt.Errorf("%w at %s: %w", errUnreachable, c.base, err)
	}
	if status != http.StatusOK {
		return c.refusal(status, answer)
	}
	if err := json.Unmarshal(answer, out); err != nil {
		return fmt.Errorf("the answer of %s cannot be read; is it a Kafka Master of this version? %w", c.base, err)
	}
	return nil
}

// problem is a refusal of the API.
type problem struct {
	Detail string `json:"detail"`
}

// refusal is the error of an answer other than 200. The master explains it in a sentence.
func (c *apiClient) refusal(status int, answer []byte) error {
	var p problem
	if json.Unmarshal(answer, &p) != nil || p.Detail == "" {
		p.Detail = string(answer) // not by a master of this version
	}
	text := messages.CleanLine(p.Detail, 500)
	switch status {
	case http.StatusServiceUnavailable:
		return fmt.Errorf("%w at %s: %s", errNotNow, c.base, text)
	case http.StatusUnauthorized:
		return fmt.Errorf("%s refuses the token: set API_TOKEN to that of the master", c.base)
	}
	return fmt.Errorf("%s answers %s: %s", c.base, strconv.Itoa(status), text)
}
