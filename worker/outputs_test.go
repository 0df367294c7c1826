package worker

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// Outputs that wait for that of a slow item hold little memory, even if most of each is in
// the temporary file already.
func TestWaitingOutputsHoldLittleMemory(t *testing.T) {
	t.Parallel()
	var result bytes.Buffer
	o := newOutputs(&result, true, func(int) {}, func() (*os.File, func(), error) {
		f, err := os.Create(filepath.Join(t.TempDir(), "scratch"))
		return f, func() { _ = f.Close() }, err
	})
	defer o.spill.close()
	const items = 100
	text := bytes.Repeat([]byte("x"), maxOutput+1)
	for i := 1; i <= items; i++ {
		x := o.begin()
		_, err := x.Write(text)
		require.NoError(t, err)
		require.NoError(t, o.put(i, x))
	}
	held := 0
	for _, x := range o.ready {
		held += cap(x.buf)
	}
	require.Less(t, held, items<<10)
	require.NoError(t, o.put(0, nil))
	require.Equal(t, items*(len(text)+1), result.Len())
}
