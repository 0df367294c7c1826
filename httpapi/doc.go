// Package httpapi is the HTTP API of a master. It does not know actors, Kafka or Redis:
// every answer comes from an Asker.
//
// A request passes the log, the panic recovery, the headers, the limits and the checks
// of host and token (middleware.go, guard.go) before gin routes it (routes.go).
package httpapi
