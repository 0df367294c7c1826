// Package redisstore keeps the state of several masters in Redis, and the lease
// that decides which of them leads. Every write is one Lua script that compares
// who writes with who may, and then applies a list; it decides nothing else.
// Nothing is retried in here: every call can be repeated by its caller.
package redisstore
