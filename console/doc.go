// Package console prints what a person at the terminal needs to know: what runs and
// where (banner.go), the progress (progress.go, watch.go, bar.go), and how each file
// ended (balance.go). It polls the master through an interface, as the HTTP API does,
// and makes no decisions.
package console
