// Package smbfiles is the input folder on an SMB share (Samba, Windows, a NAS), which is
// read without mounting it.
//
// It wraps the client library github.com/hirochachacha/go-smb2 and its known weaknesses: a
// filter refuses frames that would end the process, a watchdog closes a connection whose
// server is silent, a panic of the library ends only the connection, and reads continue at
// the same byte over a new connection. Only connection.go uses the types of the library.
package smbfiles
