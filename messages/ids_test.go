package messages

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

func TestBase(t *testing.T) {
	t.Parallel()
	hashed := `-[0-9a-f]{8}$`
	for _, c := range []struct{ name, want string }{
		{"ips.txt", `^ips$`}, {"a.b-c_d.txt", `^a\.b-c_d$`}, {"ips.TXT", `^ips` + hashed}, {"ips.TXT.txt", `^ips\.TXT$`},
		{"with space.txt", `^with_space` + hashed}, {"ümlaut.txt", `^_mlaut` + hashed}, {"no extension", `^no_extension` + hashed},
		{"x_chunk_1.txt", `^x_chunk_1$`}, {".txt", hashed}, {"a/b.txt", `^b` + hashed}, {"../../etc.txt", `^etc` + hashed},
		{strings.Repeat("x", 250) + ".txt", `^x{191}` + hashed}, {strings.Repeat("x", 200) + ".txt", `^x{200}$`},
	} {
		got := Base(c.name)
		require.Regexp(t, c.want, got, c.name)
		require.LessOrEqual(t, len(got), maxBase)
	}
}

func TestBatchIDs(t *testing.T) {
	t.Parallel()
	for id, c := range map[string]struct {
		name    ChunkName
		attempt int
		result  string
	}{
		"ips_chunk_4":              {ChunkName{Base: "ips", Index: 4}, 1, "ips_chunk_4"},
		"ips_chunk_4_g2":           {ChunkName{Base: "ips", Index: 4, Generation: 2}, 1, "ips_chunk_4_g2"},
		"ips_chunk_4_a3":           {ChunkName{Base: "ips", Index: 4}, 3, "ips_chunk_4"},
		"ips_chunk_4_g2_a3":        {ChunkName{Base: "ips", Index: 4, Generation: 2}, 3, "ips_chunk_4_g2"},
		"ips_chunk_4_s2":           {ChunkName{Base: "ips", Index: 4, Half: 2}, 1, "ips_chunk_4_s2"},
		"ips_chunk_4_r1":           {ChunkName{Base: "ips", Index: 4, Retry: 1}, 1, "ips_chunk_4_r1"},
		"ips_chunk_4_s11_r1_g2_a3": {ChunkName{Base: "ips", Index: 4, Half: 11, Retry: 1, Generation: 2}, 3, "ips_chunk_4_s11_r1_g2"},
	} {
		require.Equal(t, id, c.name.BatchID(c.attempt))
		require.Equal(t, c.result, ResultName(id))
		n, attempt, ok := ParseBatchID(id)
		require.True(t, ok, id)
		c.name.Generation = max(1, c.name.Generation)
		require.Equal(t, c.name, n)
		require.Equal(t, c.attempt, attempt)
	}
	require.Equal(t, "strange", ResultName("strange"))
}

func TestBatchIDsParseBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z_]{1,8}(_chunk_[0-9]{1,2})?(_a[0-9])?(_g[0-9])?(_s[0-9])?(_r[0-9])?\.(txt|TXT)`).Draw(t, "name")
		want := ChunkName{
			Base: Base(name), Index: rapid.IntRange(0, 1<<30).Draw(t, "index"), Generation: rapid.IntRange(1, 99).Draw(t, "generation"),
			Half: rapid.OneOf(rapid.Just(0), rapid.IntRange(2, 1<<21)).Draw(t, "half"), Retry: rapid.IntRange(0, 99).Draw(t, "retry"),
		}
		attempt := rapid.IntRange(1, 99).Draw(t, "attempt")
		n, a, ok := ParseBatchID(want.BatchID(attempt))
		require.True(t, ok)
		require.Equal(t, want, n)
		require.Equal(t, attempt, a)
	})
}

func TestBatchIDsOfNoMaster(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "x", "a_chunk_", "a_chunk_-1", "a_chunk_01", "a_chunk_1 ", "_chunk_1", strings.Repeat("x", 300) + "_chunk_1",
		"a_chunk_1_a", "a_chunk_1_a1", "a_chunk_1_a02", "a_chunk_1_a1073741825", "a_chunk_1_a99999999999999999999",
		"a_chunk_1_g1", "a_chunk_1_g9000000000", "a_chunk_1_a2_g2",
		"a_chunk_1_s0", "a_chunk_1_s1", "a_chunk_1_s02", "a_chunk_1_s-2", "a_chunk_1_s9000000000", "a_chunk_1_g2_s2", "a_chunk_1_a2_s2", "a_chunk_1_s2_s3",
		"a_chunk_1_r0", "a_chunk_1_r01", "a_chunk_1_r9000000000", "a_chunk_1_r1_s2", "a_chunk_1_g2_r1", "a_chunk_s2"} {
		_, _, ok := ParseBatchID(id)
		require.False(t, ok, id)
		require.Equal(t, id, ResultName(id))
	}
}

func TestHalves(t *testing.T) {
	t.Parallel()
	whole := ChunkID{File: 3, Index: 7}
	_, ok := whole.Halved()
	require.False(t, ok)
	rapid.Check(t, func(t *rapid.T) {
		id := whole
		for _, second := range rapid.SliceOfN(rapid.Bool(), 0, 20).Draw(t, "path") {
			a, b := id.Halves()
			require.Equal(t, a.Half+1, b.Half)
			require.Equal(t, 2*max(1, id.Half), a.Half)
			for _, half := range []ChunkID{a, b} {
				of, ok := half.Halved()
				require.True(t, ok)
				require.Equal(t, id, of)
			}
			if id = a; second {
				id = b
			}
		}
	})
}

func TestChunkKeys(t *testing.T) {
	t.Parallel()
	for key, id := range map[string]ChunkID{
		"3/7": {File: 3, Index: 7}, "3/7.s5": {File: 3, Index: 7, Half: 5}, "3/7.r1": {File: 3, Index: 7, Retry: 1}, "3/7.s5.r1": {File: 3, Index: 7, Half: 5, Retry: 1},
	} {
		require.Equal(t, key, id.Key())
		got, err := ParseChunkKey(key)
		require.NoError(t, err)
		require.Equal(t, id, got)
	}
	for _, key := range []string{"", "3", "3/", "/7", "3/x", "3/07", "3/7.s0", "3/7.s1", "3/7.r0", "3/7.r1.s5", "3/7.s05", "3/7.", "3/7.s"} {
		_, err := ParseChunkKey(key)
		require.ErrorIs(t, err, ErrBadRecord, key)
	}
}

func TestWorkerIDs(t *testing.T) {
	t.Parallel()
	require.NoError(t, WorkerID("0b7c1a52-4c0c-4f1e-9a52-6f0d1a3f6d11").Validate())
	require.NoError(t, WorkerID("worker ü 1").Validate())
	for _, bad := range []WorkerID{"", "a\nb", "\x00", "\xff", WorkerID(strings.Repeat("x", 129))} {
		require.ErrorIs(t, bad.Validate(), ErrBadID)
	}
}

func FuzzParseBatchID(f *testing.F) {
	f.Add("ips_chunk_4_g2_a3")
	f.Add("ips_chunk_4_s11_r1_g2_a3")
	f.Fuzz(func(t *testing.T, s string) {
		if n, attempt, ok := ParseBatchID(s); ok {
			require.Equal(t, s, n.BatchID(attempt))
		}
	})
}
