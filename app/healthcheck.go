package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"kafka-master/doctor"
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
			line, err := probe(cmd.Context(), probeAddress(s), path)
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
func probe(ctx context.Context, address, path string) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, healthLimit)
	defer cancel()
	url := "http://" + address + path
	status, body, err := doctor.Get(ctx, url, "")
	if errors.Is(err, context.DeadlineExceeded) {
		return "", fmt.Errorf("no answer from %s within %s", url, healthLimit)
	}
	if err != nil {
		return "", fmt.Errorf("no master answers: %w", err)
	}
	line, _, _ := strings.Cut(strings.TrimSpace(body), "\n")
	if status != http.StatusOK {
		return "", fmt.Errorf("%s answers %d: %s", url, status, line)
	}
	return line, nil
}
