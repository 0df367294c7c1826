// Package e2e tests the whole program: masters and workers as processes or by
// app.Run, on embedded parts and on real servers.
package e2e
