package worker

import (
	"fmt"
	"os"
	"os/exec"
	"time"
)

// guardScript keeps the process groups that it is told, and kills them at the end of its
// input.
const guardScript = `groups=" "
while read -r op group; do
	case $op in
	+) groups="$groups$group " ;;
	-) groups="${groups%%" $group "*} ${groups#*" $group "}" ;;
	esac
done
for group in $groups; do kill -9 -"$group"; done`

// guardTimeout bounds how long a guard that does not read holds up a worker.
const guardTimeout = time.Second

// groupGuard is a groupKiller for many process groups, which come and go. Its input is a
// pipe whose other end only the worker holds.
type groupGuard struct {
	cmd  *exec.Cmd
	pipe *os.File
}

// startGroupGuard starts a guard. The commands also run without one, so it returns nil
// when that fails.
func startGroupGuard() *groupGuard {
	read, pipe, err := os.Pipe()
	if err != nil {
		return nil
	}
	defer read.Close()
	g := &groupGuard{cmd: exec.Command("sh", "-c", guardScript), pipe: pipe}
	g.cmd.Stdin, g.cmd.Env = read, []string{}
	detach(g.cmd)
	if g.cmd.Start() != nil {
		_ = pipe.Close()
		return nil
	}
	return g
}

// guard has a group killed when the worker is, until release is called. It may be called
// from any goroutine: a short write to a pipe is not torn.
func (g *groupGuard) guard(group int) (release func()) {
	if g == nil {
		return func() {}
	}
	g.tell('+', group)
	return func() { g.tell('-', group) }
}

func (g *groupGuard) tell(op byte, group int) {
	_ = g.pipe.SetWriteDeadline(time.Now().Add(guardTimeout))
	_, _ = fmt.Fprintf(g.pipe, "%c %d\n", op, group) // without a guard the commands run on
}

// stop ends the process. The pipe is closed last, since closing it triggers the kill.
func (g *groupGuard) stop() {
	if g == nil {
		return
	}
	_ = g.cmd.Process.Kill()
	_ = g.cmd.Wait()
	_ = g.pipe.Close()
}
