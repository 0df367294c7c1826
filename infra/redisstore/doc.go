// Package redisstore keeps the state of several masters in Redis, and the lease that
// decides which of them leads. Every write is a Lua script that checks whether the
// writer may write, and then applies a list of writes; it decides nothing else. The
// package retries nothing: callers can repeat every call.
package redisstore
