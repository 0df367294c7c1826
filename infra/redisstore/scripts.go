package redisstore

import "github.com/redis/go-redis/v9"

// The scripts compare numbers as decimal text, since numbers in Lua are doubles. Batch
// numbers are below 2^63; HINCRBY counts the terms.

// applyList is the part of a script that applies the writes from ARGV[at] on. Each write
// has a command, an index in KEYS, a count, and that many arguments. Commands get their
// arguments in slices, since Lua can unpack only some thousand values.
const applyList = `
while at <= #ARGV do
  local command, key, last = ARGV[at], KEYS[tonumber(ARGV[at+1])], at + 2 + tonumber(ARGV[at+2])
  at = at + 3
  while at <= last do
    local to = math.min(at + 999, last)
    redis.call(command, key, unpack(ARGV, at, to))
    at = to + 1
  end
end
`

// commitScript applies a batch. KEYS: head, then the keys of the writes. ARGV: 1 term,
// 2 holder, 3 number, 4 number - 1, 5 batch id, then the writes. It returns {result,
// term, holder, number} with the result 1 for applied, 2 for applied before, or 0 for
// refused; the term is empty if the store is. An error in the middle undoes nothing, but
// the head is written last, so the batch can be committed again.
var commitScript = redis.NewScript(`
local head = redis.call('HMGET', KEYS[1], 'store', 'term', 'holder', 'number', 'batch')
if not head[1] then return {0, '', '', ''} end
if head[2] ~= ARGV[1] or head[3] ~= ARGV[2] then return {0, head[2], head[3], head[4]} end
if head[4] == ARGV[3] and head[5] == ARGV[5] then return {2, head[2], head[3], head[4]} end
if head[4] ~= ARGV[4] then return {0, head[2], head[3], head[4]} end
local at = 6` + applyList + `
redis.call('HSET', KEYS[1], 'number', ARGV[3], 'batch', ARGV[5])
return {1, head[2], head[3], ARGV[3]}
`)

// mayRestore is the part of a script that ends it unless the store is empty and claimed
// by ARGV[1]. KEYS: head, claim.
const mayRestore = `
if redis.call('HEXISTS', KEYS[1], 'store') == 1 then return 'filled' end
if redis.call('GET', KEYS[2]) ~= ARGV[1] then return 'claimed' end
`

// claimScript claims an empty store for a restore and deletes remaining tables, which
// without a head are no state. KEYS: head, claim, then the tables. ARGV: 1 claimant,
// 2 ttl in ms. It returns 'ok', 'filled', or 'claimed' if another process has the claim,
// like the two scripts after it.
var claimScript = redis.NewScript(`
if redis.call('HEXISTS', KEYS[1], 'store') == 1 then return 'filled' end
local other = redis.call('GET', KEYS[2])
if other and other ~= ARGV[1] then return 'claimed' end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
redis.call('DEL', KEYS[1], unpack(KEYS, 3))
return 'ok'
`)

// pieceScript restores some records. KEYS: head, claim, then the keys of the writes.
// ARGV: 1 claimant, 2 ttl in ms, then the writes.
var pieceScript = redis.NewScript(mayRestore + `
redis.call('PEXPIRE', KEYS[2], ARGV[2])
local at = 3` + applyList + `
return 'ok'
`)

// restoredScript turns the restored records into a state by writing its head. KEYS: head,
// claim. ARGV: 1 claimant, 2 random id of the state, 3 term, 4 number of the last batch.
var restoredScript = redis.NewScript(mayRestore + `
redis.call('HSET', KEYS[1], 'store', ARGV[2], 'term', ARGV[3], 'holder', '', 'number', ARGV[4], 'batch', '')
redis.call('DEL', KEYS[2])
return 'ok'
`)

// acquireScript takes the lease and raises the term. KEYS: head, lease, claim of a
// restore, then journal and tables, which are deleted when a state is created. ARGV:
// 1 holder, 2 ttl in ms, 3 random id of a state to create, empty to create none,
// 4 master, 5 its API, 6 '1' to leave a free lease alone. It returns {result, term, holder, master, API, remaining ms} with
// the result 'taken', 'held' if another holder has the lease, 'free', 'empty', or 'restoring'.
var acquireScript = redis.NewScript(`
local head = redis.call('HMGET', KEYS[1], 'store', 'term', 'holder', 'master', 'api')
local holder = redis.call('GET', KEYS[2])
if not head[1] then
  if redis.call('GET', KEYS[3]) then return {'restoring', '', '', '', '', ''} end
  if ARGV[3] == '' then return {'empty', '', '', '', '', ''} end
elseif holder and holder ~= ARGV[1] then
  return {'held', head[2] or '0', head[3] or '', head[4] or '', head[5] or '', tostring(redis.call('PTTL', KEYS[2]))}
elseif ARGV[6] == '1' then
  return {'free', head[2] or '0', head[3] or '', '', '', ''}
end
if not head[1] then
  redis.call('DEL', unpack(KEYS, 4))
  redis.call('HSET', KEYS[1], 'store', ARGV[3], 'number', '0', 'batch', '')
end
redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
local term = redis.call('HINCRBY', KEYS[1], 'term', 1)
redis.call('HSET', KEYS[1], 'holder', ARGV[1], 'master', ARGV[4], 'api', ARGV[5])
return {'taken', tostring(term), ARGV[1], ARGV[4], ARGV[5], '0'}
`)

// renewScript extends the lease. KEYS: head, lease. ARGV: 1 term, 2 holder, 3 ttl in ms.
// It returns the number of the last batch, which is empty if the store is, or false if
// the term is not current or the lease has expired.
var renewScript = redis.NewScript(`
local head = redis.call('HMGET', KEYS[1], 'store', 'term', 'holder', 'number')
if not head[1] then return '' end
if head[2] ~= ARGV[1] or head[3] ~= ARGV[2] or redis.call('GET', KEYS[2]) ~= ARGV[2] then return false end
redis.call('PEXPIRE', KEYS[2], ARGV[3])
return head[4]
`)

// presentScript records that a process uses a master id. KEYS: the master's. ARGV:
// 1 process, 2 ttl in ms. It returns 1 if another process uses the id.
var presentScript = redis.NewScript(`
local process = redis.call('GET', KEYS[1])
if process and process ~= ARGV[1] then return 1 end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
return 0
`)

// releaseScript deletes the lease. KEYS: head, lease. ARGV: 1 term, 2 holder.
var releaseScript = redis.NewScript(`
local head = redis.call('HMGET', KEYS[1], 'term', 'holder')
if head[1] == ARGV[1] and head[2] == ARGV[2] and redis.call('GET', KEYS[2]) == ARGV[2] then
  return redis.call('DEL', KEYS[2])
end
return 0
`)
