// Package console is what a person at the terminal sees: what runs and where
// (banner.go), how it goes on (progress.go, watch.go, bar.go), and how each file
// ended (balance.go). It asks through a port of its own, as the HTTP API does,
// and decides nothing.
package console
