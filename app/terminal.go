package app

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"kafka-master/console"
	"kafka-master/messages"
)

// startConsole shows the master and its progress until stop is called. stop prints what is
// left to do.
func (n *node) startConsole() (stop func()) {
	workerCommand := workerCommand(os.Args[0], n.s, n.brokers)
	banner := console.Banner{
		Version: build().version, Broker: strings.Join(n.brokers, ", "), Input: n.s.InputPath(), Results: n.s.ResultsDir,
		API: "http://" + probeAddress(n.s), Workers: n.s.EmbeddedWorkers, WorkerCommand: workerCommand,
	}
	if n.s.EmbeddedBroker() {
		banner.BrokerData = filepath.Join(n.s.DataDir, "kafka")
	}
	if !n.s.RedisURL.IsSet() {
		banner.StateData = n.stateDir()
	}
	if err := banner.Write(n.stdout); err != nil {
		n.log.Info("console cannot be written", "err", err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		err := console.Run(ctx, console.Config{
			Asker: n.sys, Out: n.stdout, Terminal: n.terminal,
			Input: n.s.InputPath(), Results: n.s.ResultsDir, Merged: n.s.Merges(), WorkerCommand: workerCommand,
			Check: n.checkResults,
		})
		if err != nil {
			n.log.Info("console cannot be written any more", "err", err)
		}
	}()
	return func() {
		cancel()
		<-ended
		if o, err := n.ask(messages.QueryOverview{Fresh: true}); err == nil {
			fmt.Fprintln(n.stdout, console.Left(o.(messages.Overview)))
		}
	}
}
