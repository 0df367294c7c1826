package app

import (
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	tea "charm.land/bubbletea/v2"
	"github.com/charmbracelet/x/ansi"
	"github.com/stretchr/testify/require"

	"kafka-master/httpapi"
)

// topOf returns the screen of a master, with a first picture.
func topOf(t *testing.T, m *fakeMaster) (s *screen, press func(keys ...string)) {
	t.Helper()
	server := httptest.NewServer(httpapi.New(httpapi.Config{Asker: m}).Handler())
	t.Cleanup(server.Close)
	r := &remote{command: command{env: func(string) (string, bool) { return "", false }}, client: &apiClient{base: server.URL}}
	s = newScreen(t.Context(), r)
	s.Update(tea.WindowSizeMsg{Width: 120, Height: 30})
	s.Update(s.Init()())
	press = func(keys ...string) {
		t.Helper()
		for _, k := range keys {
			if _, cmd := s.Update(keyPress(k)); cmd != nil {
				s.Update(cmd())
			}
			s.Update(s.take(false)())
		}
	}
	return s, press
}

func keyPress(name string) tea.KeyPressMsg {
	switch name {
	case "tab":
		return tea.KeyPressMsg{Code: tea.KeyTab}
	case "down":
		return tea.KeyPressMsg{Code: tea.KeyDown}
	case "esc":
		return tea.KeyPressMsg{Code: tea.KeyEscape}
	case "enter":
		return tea.KeyPressMsg{Code: tea.KeyEnter}
	case "backspace":
		return tea.KeyPressMsg{Code: tea.KeyBackspace}
	}
	return tea.KeyPressMsg{Code: []rune(name)[0], Text: name}
}

func shown(s *screen) string { return ansi.Strip(s.content(time.Now())) }

func TestTopShowsAndSteers(t *testing.T) {
	t.Parallel()
	m := exampleMaster(time.Now())
	s, press := topOf(t, m)
	for _, want := range []string{"leader    m1 at", "3   ips.txt  running", "w-1     busy", "q quit", "chunk_stalled"} {
		require.Contains(t, shown(s), want)
	}
	require.Len(t, strings.Split(shown(s), "\n"), 30)

	press("+")
	require.Contains(t, shown(s), "priority 0, share 1 -> handed out, priority 1, share 1")
	press("p")
	require.Contains(t, shown(s), "-> paused by 127.0.0.1")
	press("p", "down", "-")
	require.Equal(t, -1, m.files[1].Priority)
	press("P")
	require.Contains(t, shown(s), "Pause all hand-outs? [y/N]")
	press("n")
	require.False(t, m.overview.Dispatch.Paused)
	press("P", "y")
	require.True(t, m.overview.Dispatch.Paused)
	require.Contains(t, shown(s), "hand-out  paused by 127.0.0.1")
	press("P")
	require.False(t, m.overview.Dispatch.Paused)
}

func TestTopFiltersAndHelps(t *testing.T) {
	t.Parallel()
	s, press := topOf(t, exampleMaster(time.Now()))
	press("/", "o", "l", "x", "backspace", "enter")
	require.Contains(t, shown(s), "old.txt")
	require.NotContains(t, shown(s), "ips.txt  running")
	press("/", "esc")
	require.Contains(t, shown(s), "ips.txt  running")
	press("?")
	require.Contains(t, shown(s), "pause or resume the selected file")
	press("x", "tab", "down")
	require.Equal(t, [2]int{0, 1}, s.at)
	for _, key := range []string{"q", "esc"} {
		_, cmd := s.Update(keyPress(key))
		require.IsType(t, tea.QuitMsg{}, cmd())
	}
}

// The screen looks once a second, however much is typed: only a picture that was due has
// another one follow.
func TestTopLooksOnceASecond(t *testing.T) {
	t.Parallel()
	s, _ := topOf(t, exampleMaster(time.Now()))
	due := 0
	see := func(take tea.Cmd) {
		if _, next := s.Update(take()); next != nil {
			due++
		}
	}
	see(s.Init())
	require.Equal(t, 1, due)
	for _, key := range []string{"/", "o", "l", "backspace", "enter"} {
		if _, take := s.Update(keyPress(key)); take != nil {
			see(take)
		}
	}
	require.Equal(t, 1, due, "the keys of the filter look at once, and start no other loop")
	_, take := s.Update(look{})
	see(take)
	require.Equal(t, 2, due)
}

// Every size of a terminal, and every length of the lists, has a screen of that size.
func TestTopFits(t *testing.T) {
	t.Parallel()
	s, press := topOf(t, many(2500))
	for range 30 {
		press("j")
	}
	for _, size := range []tea.WindowSizeMsg{{Width: 20, Height: 8}, {Width: 80, Height: 24}, {Width: 200, Height: 60}, {Width: 1, Height: 1}} {
		s.Update(size)
		lines := strings.Split(s.content(time.Now()), "\n")
		require.LessOrEqual(t, len(lines), max(size.Height, 2))
		for _, line := range lines {
			require.LessOrEqual(t, ansi.StringWidth(line), size.Width)
		}
	}
	s.Update(tea.WindowSizeMsg{Width: 80, Height: 24})
	require.Contains(t, shown(s), "f02469.txt", "the selected line is in sight")
}

// While no master answers the last picture stays, and says so.
func TestTopOutlivesAFailover(t *testing.T) {
	t.Parallel()
	s, _ := topOf(t, exampleMaster(time.Now()))
	s.Update(picture{err: errUnreachable})
	require.Contains(t, shown(s), "no leader answers for 0 s; this is the last picture")
	require.Contains(t, shown(s), "ips.txt")
	s.Update(s.take(false)())
	require.NotContains(t, shown(s), "no leader answers")
}
