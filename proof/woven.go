package proof

import (
	"bufio"
	"errors"
	"io"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"
)

// places returns where in the chunk each line of the result belongs: the number of its item.
// It is nil if the worker did not tell, or if that does not agree with the rest.
func (e *entry) places() []int {
	of := make([]int, 0, min(e.items, 1<<20))
	for _, p := range e.positions {
		for n := p[0]; n <= p[1] && int64(len(of)) <= e.items; n++ {
			of = append(of, n)
		}
	}
	if len(e.positions) > 0 && (int64(len(of)) != e.items || !slices.IsSorted(of)) {
		return nil
	}
	places := []int{}
	item := int64(0)
	for _, run := range e.told {
		if run[0] <= 0 || run[1] < 0 || int64(run[0]) > e.items-item || int64(run[1]) > e.lines {
			return nil
		}
		for range run[0] {
			place := int(item)
			if len(of) > 0 {
				place = of[item]
			}
			for range run[1] {
				if places = append(places, place); int64(len(places)) > e.lines {
					return nil
				}
			}
			item++
		}
	}
	if item != e.items || int64(len(places)) != e.lines {
		return nil
	}
	return places
}

// woven reads the results of a chunk and its retries if their lines are woven into each
// other, each at the place of its item. It returns the way whose results they are, or nil,
// without having read anything, if they are not.
func (m *mergedResult) woven(ways [][]*entry) ([]*entry, error) {
	for _, list := range ways {
		if len(list) < 2 {
			continue
		}
		places := make([][]int, len(list))
		for i, e := range list {
			places[i] = e.places()
		}
		if slices.ContainsFunc(places, func(p []int) bool { return p == nil }) {
			continue
		}
		same, size, err := m.isWoven(list, places)
		if err != nil {
			return nil, err
		}
		if same {
			m.at += size
			return list, nil
		}
	}
	return nil, nil
}

// isWoven reports whether the next lines are those of the results, and how many bytes they
// have: at each place those of the chunk come first, and then those of each retry.
func (m *mergedResult) isWoven(list []*entry, places [][]int) (same bool, size int64, err error) {
	in := bufio.NewReaderSize(io.NewSectionReader(m.file, m.at, math.MaxInt64-m.at), 64<<10)
	sums := make([]*xxhash.Digest, len(list))
	got := make([]content, len(list))
	next := make([]int, len(list)) // line of each result
	for i := range list {
		sums[i] = xxhash.New()
	}
	for {
		who := -1
		for i, p := range places {
			if next[i] < len(p) && (who < 0 || p[next[i]] < places[who][next[who]]) {
				who = i
			}
		}
		if who < 0 {
			break
		}
		text, err := in.ReadSlice('\n')
		_, _ = sums[who].Write(text)
		got[who].size += int64(len(text))
		size += int64(len(text))
		switch {
		case err == nil:
			next[who]++
		case errors.Is(err, io.EOF):
			return false, 0, nil
		case !errors.Is(err, bufio.ErrBufferFull):
			return false, 0, err
		}
	}
	for i, e := range list {
		got[i].hash = sums[i].Sum64()
		if got[i] != e.result {
			return false, 0, nil
		}
	}
	return true, size, nil
}
