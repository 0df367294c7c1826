// Package smbfiles is the input folder on an SMB share (Samba, Windows, a NAS),
// read without mounting it.
//
// The client library is github.com/hirochachacha/go-smb2, wrapped so that its
// known weak spots cannot hurt: a guard on the TCP connection refuses frames
// that would end the process, a watchdog closes a connection whose server is
// silent, a panic of the library ends the connection only, and reads go on at
// their byte over a new connection. Only session.go knows the library's types.
package smbfiles
