//go:build linux

package smbfiles_test

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/infra/smbfiles"
)

const (
	smbUser     = "daemon" // a Unix account that every system has
	smbPassword = "canary-pw"
)

// samba is a real smbd of this test on a free loopback port. Its shares are
// input, encrypted (encryption required) and ro (read only), all on data.
type samba struct {
	dir, data string
	port      int
	cmd       *exec.Cmd
}

const smbConf = `[global]
server role = standalone server
passdb backend = tdbsam:$S/private/passdb.tdb
map to guest = bad user
guest account = $U
smb ports = $P
interfaces = lo
bind interfaces only = yes
disable netbios = yes
server min protocol = SMB2_10
load printers = no
printing = bsd
printcap name = /dev/null
disable spoolss = yes
private dir = $S/private
lock directory = $S/lock
state directory = $S/state
cache directory = $S/cache
pid directory = $S/pid
ncalrpc dir = $S/ncalrpc
log file = $S/log/smbd.log
log level = 1
$X
[input]
path = $D
read only = no
valid users = $U
[encrypted]
path = $D
read only = no
valid users = $U
server smb encrypt = required
[ro]
path = $D
read only = yes
valid users = $U
[others]
path = $D
valid users = root
[guests]
path = $D
guest ok = yes
`

// needSamba skips the test where there can be no smbd. In CI that is a failure.
func needSamba(t testing.TB) {
	t.Helper()
	var why string
	if _, err := exec.LookPath("smbd"); err != nil {
		why = "smbd is not installed: apt-get install -y --no-install-recommends samba"
	} else if _, err := exec.LookPath("smbpasswd"); err != nil {
		why = "smbpasswd is not installed: apt-get install -y --no-install-recommends samba"
	} else if _, err := user.Lookup(smbUser); err != nil {
		why = "there is no Unix account " + smbUser
	} else if os.Getuid() != 0 {
		why = "smbd needs root: run the tests of this package as root, in a container for example"
	}
	if why == "" {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("CI must test against a real Samba: " + why)
	}
	t.Skip("no real Samba: " + why)
}

// slow keeps a test that takes seconds out of go test -short.
func slow(t testing.TB) {
	t.Helper()
	if testing.Short() {
		t.Skip("takes seconds")
	}
}

// startSamba starts an smbd with extra global settings.
func startSamba(t testing.TB, extra ...string) *samba {
	t.Helper()
	needSamba(t)
	dir := t.TempDir()
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755)) // for the account that smbd becomes
	s := &samba{dir: dir, data: filepath.Join(dir, "data"), port: freePort(t)}
	for _, sub := range []string{"private", "lock", "state", "cache", "pid", "log", "ncalrpc"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, sub), 0o755))
	}
	require.NoError(t, os.Mkdir(s.data, 0o755))
	s.own(t, s.data)
	conf := strings.NewReplacer("$S", dir, "$P", strconv.Itoa(s.port), "$D", s.data, "$U", smbUser, "$X", strings.Join(extra, "\n")).Replace(smbConf)
	require.NoError(t, os.WriteFile(s.conf(), []byte(conf), 0o600))
	passwd := exec.Command("smbpasswd", "-c", s.conf(), "-L", "-s", "-a", smbUser)
	passwd.Stdin = strings.NewReader(smbPassword + "\n" + smbPassword + "\n")
	out, err := passwd.CombinedOutput()
	require.NoError(t, err, string(out))
	s.start(t)
	t.Cleanup(func() { s.stop(syscall.SIGTERM) })
	return s
}

func (s *samba) conf() string { return filepath.Join(s.dir, "smb.conf") }

func (s *samba) own(t testing.TB, path string) {
	t.Helper()
	account, err := user.Lookup(smbUser)
	require.NoError(t, err)
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	require.NoError(t, os.Chown(path, uid, gid))
}

func freePort(t testing.TB) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// start starts smbd and waits until it listens.
func (s *samba) start(t testing.TB) {
	t.Helper()
	s.cmd = exec.Command("smbd", "--foreground", "--no-process-group", "--configfile="+s.conf())
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	require.NoError(t, s.cmd.Start())
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", s.address())
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 20*time.Second, 20*time.Millisecond, "smbd does not listen: %s", s.dir)
}

func (s *samba) address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.port)) }

// stop ends smbd and the processes that serve its clients.
func (s *samba) stop(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, sig)
	_ = s.cmd.Wait()
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	s.cmd = nil
}

// servers returns the processes that serve a client.
func (s *samba) servers(t testing.TB) (pids []int) {
	t.Helper()
	pid := strconv.Itoa(s.cmd.Process.Pid)
	children, err := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children"))
	require.NoError(t, err)
	for _, child := range strings.Fields(string(children)) {
		if n, err := strconv.Atoi(child); err == nil && hasSocket(n, s.port) {
			pids = append(pids, n)
		}
	}
	return pids
}

// hasSocket reports whether the process serves a TCP connection at the port.
func hasSocket(pid, port int) bool {
	table, _ := os.ReadFile(fmt.Sprintf("/proc/%d/net/tcp", pid))
	var inodes []string
	for line := range strings.Lines(string(table)) {
		f := strings.Fields(line)
		if len(f) > 9 && strings.HasSuffix(f[1], fmt.Sprintf(":%04X", port)) && f[3] == "01" {
			inodes = append(inodes, "socket:["+f[9]+"]")
		}
	}
	fds, _ := os.ReadDir(fmt.Sprintf("/proc/%d/fd", pid))
	for _, fd := range fds {
		to, _ := os.Readlink(fmt.Sprintf("/proc/%d/fd/%s", pid, fd.Name()))
		if slices.Contains(inodes, to) {
			return true
		}
	}
	return false
}

// signal sends a signal to every process that serves a client.
func (s *samba) signal(t testing.TB, sig syscall.Signal) (count int) {
	t.Helper()
	for _, pid := range s.servers(t) {
		if err := syscall.Kill(pid, sig); err == nil {
			count++
		} else if !errors.Is(err, syscall.ESRCH) {
			t.Fatal(err)
		}
	}
	return count
}

// config is that of a client of the share encrypted, with a folder of its own
// when the name is not empty.
func (s *samba) config(t testing.TB, folder string) smbfiles.Config {
	t.Helper()
	if folder != "" {
		path := filepath.Join(s.data, folder)
		require.NoError(t, os.MkdirAll(path, 0o755))
		s.own(t, path)
	}
	return smbfiles.Config{
		Host: "127.0.0.1", Port: s.port, User: smbUser, Password: smbPassword, Share: "encrypted", Folder: folder,
		Logger: slog.New(slog.NewTextHandler(&testLog{t: t}, nil)),
	}
}

// plain is config for a share that a tap can look into.
func (s *samba) plain(t testing.TB, folder string) smbfiles.Config {
	cfg := s.config(t, folder)
	cfg.Share = "input"
	return cfg
}

func (s *samba) folder(folder string) infratest.DirFolder {
	return infratest.DirFolder(filepath.Join(s.data, folder))
}

// testLog writes to the test's log, and watches that no secret is written.
type testLog struct{ t testing.TB }

func (l *testLog) Write(p []byte) (int, error) {
	if bytes.Contains(p, []byte(smbPassword)) {
		l.t.Errorf("the password is in the log: %s", p)
	}
	l.t.Logf("%s", bytes.TrimSpace(p))
	return len(p), nil
}

func newFiles(t testing.TB, cfg smbfiles.Config) *smbfiles.Files {
	t.Helper()
	files, err := smbfiles.New(cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, files.Close()) })
	return files
}

func (s *samba) portText() string { return strconv.Itoa(s.port) }

// touch makes an empty file in the folder.
func (s *samba) touch(t testing.TB, folder, name string) {
	t.Helper()
	require.NoError(t, os.WriteFile(filepath.Join(s.data, folder, name), nil, 0o644))
}
