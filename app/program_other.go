//go:build !linux

package app

import "log/slog"

// forgetStart does nothing: how a program file is mapped is known of Linux only.
func forgetStart(*slog.Logger) {}
