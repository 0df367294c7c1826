//go:build linux

package infratest

import (
	"errors"
	"fmt"
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
)

// The login of every share of a SambaServer.
const (
	SambaUser     = "daemon" // a Unix account that every system has
	SambaPassword = "canary-pw"
)

// SambaServer is a real smbd of a test's own on a free loopback port. Its shares
// are input, encrypted (encryption required), ro (read only), others (for nobody)
// and guests, all on the folder Data.
type SambaServer struct {
	Data string
	Port int
	dir  string
	cmd  *exec.Cmd
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
	} else if _, err := user.Lookup(SambaUser); err != nil {
		why = "there is no Unix account " + SambaUser
	} else if os.Getuid() != 0 {
		why = "smbd needs root: run the tests as root, in a container for example"
	}
	if why == "" {
		return
	}
	if os.Getenv("CI") == "true" {
		t.Fatal("CI must test against a real Samba: " + why)
	}
	t.Skip("no real Samba: " + why)
}

// StartSamba starts an smbd that ends with the test, with extra global settings.
// Where there can be none the test is skipped; in CI that is a failure.
func StartSamba(t testing.TB, extra ...string) *SambaServer {
	t.Helper()
	notShort(t)
	needSamba(t)
	dir := t.TempDir()
	port, err := strconv.Atoi(FreePort(t))
	require.NoError(t, err)
	require.NoError(t, os.Chmod(filepath.Dir(dir), 0o755)) // for the account that smbd becomes
	s := &SambaServer{dir: dir, Data: filepath.Join(dir, "data"), Port: port}
	for _, sub := range []string{"private", "lock", "state", "cache", "pid", "log", "ncalrpc"} {
		require.NoError(t, os.Mkdir(filepath.Join(dir, sub), 0o755))
	}
	require.NoError(t, os.Mkdir(s.Data, 0o755))
	s.Own(t, s.Data)
	conf := strings.NewReplacer("$S", dir, "$P", strconv.Itoa(s.Port), "$D", s.Data, "$U", SambaUser, "$X", strings.Join(extra, "\n")).Replace(smbConf)
	require.NoError(t, os.WriteFile(s.conf(), []byte(conf), 0o600))
	passwd := exec.Command("smbpasswd", "-c", s.conf(), "-L", "-s", "-a", SambaUser)
	passwd.Stdin = strings.NewReader(SambaPassword + "\n" + SambaPassword + "\n")
	out, err := passwd.CombinedOutput()
	require.NoError(t, err, string(out))
	s.Start(t)
	t.Cleanup(func() { s.Stop(syscall.SIGTERM) })
	return s
}

func (s *SambaServer) conf() string { return filepath.Join(s.dir, "smb.conf") }

// Own gives a path to the account that smbd becomes for SambaUser.
func (s *SambaServer) Own(t testing.TB, path string) {
	t.Helper()
	account, err := user.Lookup(SambaUser)
	require.NoError(t, err)
	uid, _ := strconv.Atoi(account.Uid)
	gid, _ := strconv.Atoi(account.Gid)
	require.NoError(t, os.Chown(path, uid, gid))
}

// Start starts smbd and waits until it listens.
func (s *SambaServer) Start(t testing.TB) {
	t.Helper()
	s.cmd = exec.Command("smbd", "--foreground", "--no-process-group", "--configfile="+s.conf())
	s.cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGKILL}
	require.NoError(t, s.cmd.Start())
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", s.Address())
		if err == nil {
			c.Close()
		}
		return err == nil
	}, 20*time.Second, 20*time.Millisecond, "smbd does not listen: %s", s.dir)
}

// Address is the host:port that smbd listens on.
func (s *SambaServer) Address() string { return net.JoinHostPort("127.0.0.1", strconv.Itoa(s.Port)) }

// Stop ends smbd, and the processes that serve its clients, by a signal.
func (s *SambaServer) Stop(sig syscall.Signal) {
	if s.cmd == nil {
		return
	}
	_ = syscall.Kill(-s.cmd.Process.Pid, sig)
	_ = s.cmd.Wait()
	_ = syscall.Kill(-s.cmd.Process.Pid, syscall.SIGKILL)
	s.cmd = nil
}

// servers returns the processes that serve a client.
func (s *SambaServer) servers(t testing.TB) (pids []int) {
	t.Helper()
	pid := strconv.Itoa(s.cmd.Process.Pid)
	children, err := os.ReadFile(filepath.Join("/proc", pid, "task", pid, "children"))
	require.NoError(t, err)
	for child := range strings.FieldsSeq(string(children)) {
		if n, err := strconv.Atoi(child); err == nil && hasSocket(n, s.Port) {
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

// Signal sends a signal to every process that serves a client, and returns how
// many there are.
func (s *SambaServer) Signal(t testing.TB, sig syscall.Signal) (count int) {
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

// Group is smbd and the processes that serve its clients, as kill takes a group.
func (s *SambaServer) Group() int { return -s.cmd.Process.Pid }
