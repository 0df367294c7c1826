package redisstore

import "github.com/redis/go-redis/v9"

// AddHook lets a test stand between the store and its server.
func (s *Store) AddHook(h redis.Hook) { s.client.AddHook(h) }
