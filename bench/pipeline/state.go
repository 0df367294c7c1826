package main

import (
	"context"
	"errors"
	"fmt"
	"os"

	"github.com/redis/go-redis/v9"
)

// redisURL names the database that keeps the state, empty for the embedded store.
func redisURL() string { return os.Getenv("BENCH_REDIS_URL") }

func stateKind() string {
	if redisURL() == "" {
		return "embedded"
	}
	return "redis"
}

// claimRedis refuses a database that is not empty, and returns what empties it
// again.
func claimRedis(ctx context.Context) (release func() error, err error) {
	if redisURL() == "" {
		return func() error { return nil }, nil
	}
	opts, err := redis.ParseURL(redisURL())
	if err != nil {
		return nil, fmt.Errorf("read BENCH_REDIS_URL: %w", err)
	}
	client := redis.NewClient(opts)
	n, err := client.DBSize(ctx).Result()
	if err == nil && n > 0 {
		err = fmt.Errorf("its database %d holds %d keys: an empty one is needed", opts.DB, n)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("use BENCH_REDIS_URL: %w", err), client.Close())
	}
	return func() error {
		return errors.Join(client.FlushDB(context.WithoutCancel(ctx)).Err(), client.Close())
	}, nil
}
