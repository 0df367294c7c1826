package redisstore_test

import (
	"context"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"kafka-master/infra/infratest"
	"kafka-master/infra/redisstore"
	"kafka-master/messages"
)

func TestRedisOverTLS(t *testing.T) {
	ctx := context.Background()
	cert, key := infratest.Certificate(t)
	port := infratest.FreePort(t)
	r := infratest.StartRedis(t, "--tls-port", port, "--tls-cert-file", cert, "--tls-key-file", key, "--tls-auth-clients", "no")
	secure := "rediss://127.0.0.1:" + port

	s, err := redisstore.Open(redisstore.Config{URL: secure, CAFile: cert})
	require.NoError(t, err)
	defer s.Close()
	require.NoError(t, s.Ping(ctx))
	require.NoError(t, s.Commit(ctx, lead(t, s, "a"), value(1, "x")))

	err = open(t, secure).Ping(ctx)
	require.ErrorIs(t, err, messages.ErrConfig)
	require.ErrorContains(t, err, "REDIS_TLS_CA_FILE")
	require.ErrorContains(t, open(t, "redis://127.0.0.1:"+port).Ping(ctx), "rediss://")
	short, cancel := context.WithTimeout(ctx, time.Second)
	defer cancel()
	require.ErrorContains(t, open(t, "rediss://"+r.Address()).Ping(short), "redis://")

	for url, file := range map[string]string{secure: key, r.URL(): cert, secure + "/1": "/nowhere"} {
		_, err := redisstore.Open(redisstore.Config{URL: url, CAFile: file})
		require.ErrorIs(t, err, messages.ErrConfig)
		require.ErrorContains(t, err, "REDIS_TLS_CA_FILE")
	}
}

// rights returns the rights in docs/install.md.
func rights(t *testing.T) []string {
	t.Helper()
	doc, err := os.ReadFile("../../docs/install.md")
	require.NoError(t, err)
	_, rule, found := strings.Cut(string(doc), "ACL SETUSER kafka-master ")
	require.True(t, found, "docs/install.md names the rights in Redis")
	rule, _, _ = strings.Cut(rule, "\n")
	return strings.Fields(rule)
}

// A user with the documented rights can do everything that a master needs, and nothing
// else.
func TestDocumentedRightsSuffice(t *testing.T) {
	ctx := context.Background()
	r := infratest.StartRedis(t)
	rule := append([]string{"ACL", "SETUSER", "km"}, rights(t)...)
	r.Do(rule...)
	r.Do("ACL", "SETUSER", "km", "resetpass", ">s3cret")
	url := "redis://km:s3cret@" + r.Address()
	infratest.ExerciseStore(t, func(t *testing.T) infratest.Store {
		r.Do("FLUSHALL")
		return open(t, url)
	})
	r.Do("FLUSHALL")
	infratest.ExerciseEmptied(t, open(t, url))
	s := open(t, url)
	require.NoError(t, s.Ping(ctx))
	_, err := s.Present(ctx, "m", "p", time.Second)
	require.NoError(t, err)
	client := connect(t, url)
	require.ErrorContains(t, client.Get(ctx, "other").Err(), "NOPERM")
	require.ErrorContains(t, client.FlushAll(ctx).Err(), "NOPERM")

	r.Do("ACL", "SETUSER", "km", "-hset")
	_, err = open(t, url).Acquire(ctx, messages.Claim{Holder: "b"}, time.Second)
	require.ErrorIs(t, err, messages.ErrConfig)
	require.ErrorContains(t, err, "REDIS_URL")
	require.NotContains(t, err.Error(), "s3cret")
}

// All keys are in one slot of a cluster, so a script can use all of them.
func TestKeysShareASlot(t *testing.T) {
	ctx := context.Background()
	// A node of a cluster has a second port, by default 10,000 above the first one.
	r := infratest.StartRedis(t, "--cluster-port", infratest.FreePort(t), "--cluster-enabled", "yes", "--cluster-require-full-coverage", "no")
	err := open(t, r.URL()).Ping(ctx)
	require.NoError(t, err)
	_, err = open(t, r.URL()).Acquire(ctx, messages.Claim{Holder: "a", Init: true}, time.Second)
	require.ErrorContains(t, err, "CLUSTERDOWN", "it has no slots yet")
	r.Do("CLUSTER", "ADDSLOTS", r.Do("CLUSTER", "KEYSLOT", "{kafka-master}:head"))
	var s *redisstore.Store
	require.Eventually(t, func() bool {
		s = open(t, r.URL())
		got, err := s.Acquire(ctx, messages.Claim{Holder: "a", Init: true}, time.Hour)
		return err == nil && got.Taken
	}, 20*time.Second, 50*time.Millisecond)
	got, err := s.Acquire(ctx, messages.Claim{Holder: "a"}, time.Hour)
	require.NoError(t, err)
	b := infratest.ExampleBatch(1)
	require.NoError(t, s.Commit(ctx, got.Term, b))
	_, err = s.Present(ctx, "m", "p", time.Second)
	require.NoError(t, err)
	_, err = s.Load(ctx, got.Term)
	require.NoError(t, err)
}
