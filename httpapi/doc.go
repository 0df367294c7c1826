// Package httpapi is the HTTP face of a master. It knows nothing of actors,
// Kafka or Redis: every answer comes through one port, Asker.
//
// A request passes the log, the recovery, the headers, the limits and the guards
// (middleware.go, guard.go) before gin routes it (routes.go).
package httpapi
