package redisstore

import "github.com/redis/go-redis/v9"

// Numbers are compared as decimal text: Lua's own are doubles. Batch numbers are
// below 2^63, terms are counted by HINCRBY.

// commitScript applies a batch. KEYS: head, then those that the list names.
// ARGV: 1 term, 2 holder, 3 number, 4 number - 1, 5 batch id, then the list, any
// number of: command, index in KEYS, count, that many arguments. Commands get
// their arguments in slices, since Lua can unpack some thousands only. It
// returns {verdict, term, holder, number}, verdict 1 applied, 2 was applied
// before, 0 refused. The head is written last, so that an error on the way
// (which undoes nothing) leaves a batch that can be repeated.
var commitScript = redis.NewScript(`
local head = redis.call('HMGET', KEYS[1], 'store', 'term', 'holder', 'number', 'batch')
if not head[1] or head[2] ~= ARGV[1] or head[3] ~= ARGV[2] then
  return {0, head[2] or '', head[3] or '', head[4] or ''}
end
if head[4] == ARGV[3] and head[5] == ARGV[5] then return {2, head[2], head[3], head[4]} end
if head[4] ~= ARGV[4] then return {0, head[2], head[3], head[4]} end
local at = 6
while at <= #ARGV do
  local command, key, last = ARGV[at], KEYS[tonumber(ARGV[at+1])], at + 2 + tonumber(ARGV[at+2])
  at = at + 3
  while at <= last do
    local to = math.min(at + 999, last)
    redis.call(command, key, unpack(ARGV, at, to))
    at = to + 1
  end
end
redis.call('HSET', KEYS[1], 'number', ARGV[3], 'batch', ARGV[5])
return {1, head[2], head[3], ARGV[3]}
`)

// acquireScript takes the lease and raises the term. KEYS: head, lease. ARGV:
// 1 holder, 2 ttl in ms, 3 a random id for a store that has none. It returns the
// term, false while another holder has the lease.
var acquireScript = redis.NewScript(`
local holder = redis.call('GET', KEYS[2])
if holder and holder ~= ARGV[1] then return false end
if redis.call('HSETNX', KEYS[1], 'store', ARGV[3]) == 1 then
  redis.call('HSET', KEYS[1], 'number', '0', 'batch', '')
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
local term = redis.call('HINCRBY', KEYS[1], 'term', 1)
redis.call('HSET', KEYS[1], 'holder', ARGV[1])
return tostring(term)
`)

// renewScript prolongs the lease. KEYS: head, lease. ARGV: 1 term, 2 holder,
// 3 ttl in ms. It returns the number of the last batch, false when the term is
// not current or the lease has ended.
var renewScript = redis.NewScript(`
local head = redis.call('HMGET', KEYS[1], 'term', 'holder', 'number')
if head[1] ~= ARGV[1] or head[2] ~= ARGV[2] or redis.call('GET', KEYS[2]) ~= ARGV[2] then return false end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return head[3]
`)

// releaseScript deletes the lease. KEYS: head, lease. ARGV: 1 term, 2 holder.
var releaseScript = redis.NewScript(`
local head = redis.call('HMGET', KEYS[1], 'term', 'holder')
if head[1] == ARGV[1] and head[2] == ARGV[2] and redis.call('GET', KEYS[2]) == ARGV[2] then
  return redis.call('DEL', KEYS[2])
end
return 0
`)

// journalScript returns a page of the journal, and first how many attempts were
// ever put into it. KEYS: head, journal. ARGV: LRANGE's two indices.
var journalScript = redis.NewScript(`
local page = redis.call('LRANGE', KEYS[2], ARGV[1], ARGV[2])
table.insert(page, 1, redis.call('HGET', KEYS[1], 'attempts') or '0')
return page
`)
