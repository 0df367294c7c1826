package actors

import (
	"runtime"
	"sync"
	"testing"
	"testing/synctest"

	"github.com/stretchr/testify/require"
)

func TestPoolKeepsSomeGoroutines(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		quit := make(chan struct{})
		p := newPool(quit, nil)
		var mu sync.Mutex
		ran := 0
		together := func(n int) {
			hold := make(chan struct{})
			for range n {
				p.Schedule(func() {
					<-hold
					mu.Lock()
					defer mu.Unlock()
					ran++
				})
			}
			synctest.Wait()
			close(hold)
			synctest.Wait()
		}
		together(5)
		require.Equal(t, int32(5), p.idle.Load())
		together(3)
		require.Equal(t, int32(5), p.idle.Load(), "idle goroutines are used again")
		together(3 * maxIdle)
		require.Equal(t, int32(maxIdle), p.idle.Load(), "a burst leaves no more than that")
		require.Equal(t, 5+3+3*maxIdle, ran)
		close(quit)
		synctest.Wait()
		p.Schedule(func() { ran++ })
		synctest.Wait()
		require.Equal(t, 6+3+3*maxIdle, ran, "late work is done as well")
	})
}

func BenchmarkDispatch(b *testing.B) {
	deep := func() { // as deep as the handling of a message
		var frame [8 << 10]byte
		runtime.KeepAlive(&frame)
	}
	b.Run("pool", func(b *testing.B) {
		quit := make(chan struct{})
		defer close(quit)
		p := newPool(quit, nil)
		done := make(chan struct{})
		for b.Loop() {
			p.Schedule(func() { deep(); done <- struct{}{} })
			<-done
		}
	})
	b.Run("fresh", func(b *testing.B) {
		done := make(chan struct{})
		for b.Loop() {
			go func() { deep(); done <- struct{}{} }()
			<-done
		}
	})
}
