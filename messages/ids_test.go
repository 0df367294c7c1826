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
	require.Equal(t, "ips_chunk_4", BatchID("ips", 4, 1, 1))
	require.Equal(t, "ips_chunk_4_g2", BatchID("ips", 4, 2, 1))
	require.Equal(t, "ips_chunk_4_a3", BatchID("ips", 4, 1, 3))
	require.Equal(t, "ips_chunk_4_g2_a3", BatchID("ips", 4, 2, 3))
	require.Equal(t, "ips_chunk_4_g2", ResultName("ips_chunk_4_g2_a3"))
	require.Equal(t, "strange", ResultName("strange"))
	for _, s := range []string{"", "x", "_chunk_1", "x_chunk_", "x_chunk_-1", "x_chunk_01", "x_chunk_1_a1", "x_chunk_1_g1", "x_chunk_1_a2_g2", "x_chunk_1_a", "x_chunk_1 ", strings.Repeat("x", 300) + "_chunk_1"} {
		_, _, _, _, ok := ParseBatchID(s)
		require.False(t, ok, s)
	}
}

func TestBatchIDsParseBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.StringMatching(`[a-z_]{1,8}(_chunk_[0-9]{1,2})?(_a[0-9])?(_g[0-9])?\.(txt|TXT)`).Draw(t, "name")
		base, index := Base(name), rapid.IntRange(0, 1<<30).Draw(t, "index")
		generation, attempt := rapid.IntRange(1, 99).Draw(t, "generation"), rapid.IntRange(1, 99).Draw(t, "attempt")
		b, i, g, a, ok := ParseBatchID(BatchID(base, index, generation, attempt))
		require.True(t, ok)
		require.Equal(t, []any{base, index, generation, attempt}, []any{b, i, g, a})
	})
}

func TestBatchIDsOfNoMaster(t *testing.T) {
	t.Parallel()
	for _, id := range []string{"", "a", "a_chunk_", "a_chunk_-1", "a_chunk_01", "a_chunk_1_a1", "a_chunk_1_a1073741825", "a_chunk_1_g9000000000",
		"a_chunk_1_a99999999999999999999", "_chunk_1", "a_chunk_1_a2_g2"} {
		_, _, _, _, ok := ParseBatchID(id)
		require.False(t, ok, id)
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
	f.Fuzz(func(t *testing.T, s string) {
		if b, i, g, a, ok := ParseBatchID(s); ok {
			require.Equal(t, s, BatchID(b, i, g, a))
		}
	})
}
