// Package e2e tests the whole program: masters and workers as processes or through app.Run,
// with the embedded broker and store and with real servers.
package e2e
