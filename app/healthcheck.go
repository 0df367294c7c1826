package app

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kafka-master/messages"
)

// healthLimit is the time for which a master may take to answer.
const healthLimit = 2 * time.Second

func (c command) healthcheck() *cobra.Command {
	var live bool
	cmd := &cobra.Command{
		Use: "healthcheck", Short: "Ask the master of this machine whether it is ready, for container health checks", Args: noArgs,
		Long: `Asks the master that listens on this machine, with the API's port in force, and
prints its answer in one line. Exit code 0 means ready, or alive with --live; 1
means not, or no answer within 2 s.`,
		RunE: func(cmd *cobra.Command, _ []string) error {
			s, err := c.load(cmd)
			if err != nil {
				return err
			}
			path := "/readyz"
			if live {
				path = "/livez"
			}
			line, err := probe(cmd.Context(), "http://"+probeAddress(s)+path)
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(c.stdout, messages.Clean(line, 1000))
			return err
		},
	}
	cmd.Flags().BoolVar(&live, "live", false, "ask only whether the process answers, not whether Kafka and the state do")
	return cmd
}

// probe returns the first line of the answer; any status but 200 is an error.
func probe(ctx context.Context, url string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return "", fmt.Errorf("ask %s: %w", url, err)
	}
	// The request does not use a proxy from the environment, since it is for this machine.
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}}
	res, err := client.Do(req)
	if errors.Is(err, context.DeadlineExceeded) {
		return "", fmt.Errorf("no answer from %s within %s", url, healthLimit)
	}
	if err != nil {
		return "", fmt.Errorf("no master answers: %w", err)
	}
	defer res.Body.Close()
	line, err := bufio.NewReader(io.LimitReader(res.Body, 1000)).ReadString('\n')
	if err != nil && !errors.Is(err, io.EOF) {
		return "", fmt.Errorf("read the answer of %s: %w", url, err)
	}
	line = strings.TrimSpace(line)
	if res.StatusCode != http.StatusOK {
		return "", fmt.Errorf("%s answers %d: %s", url, res.StatusCode, line)
	}
	return line, nil
}
