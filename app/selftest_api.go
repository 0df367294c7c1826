package app

import (
	"context"
	"net"
	"net/url"
	"strconv"

	"kafka-master/infra/settings"
	"kafka-master/messages"
)

// selftestAPI asks the masters of a self-test.
type selftestAPI struct{ ports []int }

// each calls the masters until one of them answers.
func (a *selftestAPI) each(ctx context.Context, path string, out any) (err error) {
	for _, port := range a.ports {
		var client *apiClient
		if client, err = newAPIClient(net.JoinHostPort("127.0.0.1", strconv.Itoa(port)), settings.Settings{}); err != nil {
			return err
		}
		if err = client.get(ctx, path, out); err == nil {
			return nil
		}
	}
	return err
}

// Ended implements selftest.API.
func (a *selftestAPI) Ended(ctx context.Context) (files int, problems []string, err error) {
	var o struct {
		Files    map[string]int `json:"files"`
		Problems []struct {
			Kind string `json:"kind"`
			Text string `json:"text"`
		} `json:"problems"`
	}
	if err := a.each(ctx, "/api/v1/overview", &o); err != nil {
		return 0, nil, err
	}
	for _, p := range o.Problems {
		problems = append(problems, p.Kind+": "+p.Text)
	}
	for state, n := range o.Files {
		if state != messages.FileRunning.String() && state != messages.FileSettling.String() {
			files += n
		}
	}
	return files, problems, nil
}

// SetBatchSize implements selftest.API. This old endpoint answers with a sentence.
func (a *selftestAPI) SetBatchSize(ctx context.Context, items int) error {
	q := url.Values{"numBatches": {strconv.Itoa(items)}}
	var last error
	for _, port := range a.ports {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if _, last = probe(ctx, address, "/api/updateNumBatches?"+q.Encode()); last == nil {
			return nil
		}
	}
	return last
}
