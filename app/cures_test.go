package app

import (
	"io"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"kafka-master/actors"
	"kafka-master/messages"
)

// Every command that is offered for a problem is one of this program, with its arguments.
func TestCuresAreCommands(t *testing.T) {
	t.Parallel()
	elsewhere := &remote{api: "m2:3001"}
	for _, path := range []string{"my file.txt", "-x.txt"} {
		for _, kind := range messages.ProblemKinds() {
			p := messages.Problem{Kind: kind, Place: messages.Place{File: 7, Path: path, Worker: "w 3", Chunk: "a_chunk_1"}}
			for _, cure := range actors.Cures(p, "kafka-master worker --kafka-broker-address k1:9092") {
				require.NotEmpty(t, cure.Text, kind)
				if cure.Command != "" {
					requireCommand(t, "kafka-master", cure.Command)
					requireCommand(t, program(os.Args[0]), elsewhere.ownCommand(cure.Command))
				}
			}
		}
	}
}

// requireCommand checks that a line is a command of the program, which is called by a name.
func requireCommand(t *testing.T, name, line string) {
	t.Helper()
	args, ours := strings.CutPrefix(line, name+" ")
	require.True(t, ours, line)
	root := rootCommand(command{stdout: io.Discard, stderr: io.Discard})
	cmd, left, err := root.Find(strings.Fields(strings.NewReplacer("'my file.txt'", "my_file.txt", "'w 3'", "w-3", " N", " 8").Replace(args)))
	require.NoError(t, err, line)
	require.NoError(t, cmd.ParseFlags(left), line)
	require.NoError(t, cmd.ValidateArgs(cmd.Flags().Args()), line)
}

// A command that the master shows is made one that can be typed where it is read.
func TestOwnCommand(t *testing.T) {
	t.Parallel()
	r := &remote{api: "m2:3001"}
	require.True(t, strings.HasSuffix(r.ownCommand("kafka-master drain w-3"), " drain w-3 --api m2:3001"))
	require.True(t, strings.HasSuffix(r.ownCommand("kafka-master doctor"), " doctor"))
	require.Equal(t, "/opt/km worker --x", r.ownCommand("/opt/km worker --x"), "it begins as the master was called")
}
