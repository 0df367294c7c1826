package redisstore

import (
	"context"
	"strings"
)

// Forget removes every key of this store, whoever leads. It is for states that were made
// for a test.
func (s *Store) Forget(ctx context.Context) error {
	for cursor := uint64(0); ; {
		keys, next, err := s.client.Scan(ctx, cursor, globEscape(string(s.keys))+"*", scanCount).Result()
		if err == nil && len(keys) > 0 {
			err = s.client.Unlink(ctx, keys...).Err()
		}
		if err != nil {
			return s.fail("forget", err)
		}
		if cursor = next; cursor == 0 {
			return nil
		}
	}
}

// globEscape escapes what has a meaning in a pattern of keys.
func globEscape(text string) string {
	return strings.NewReplacer(`\`, `\\`, `*`, `\*`, `?`, `\?`, `[`, `\[`, `]`, `\]`).Replace(text)
}
