"""What Redis does atomically with invitations (Lua).

Keys, all below `classpulse:`: `invitations`, a stream read by the consumer group `workers`, an entry for each bot that
is due; `scheduled`, the bots that are not, by time; `bot:ID`, a hash, and `bot:ID:states`, a list; `bots`, all by time.
"""

_END = """
local function finish(bot)
  local entry = redis.call('HGET', bot, 'entry')
  if entry then
    redis.call('XACK', 'classpulse:invitations', 'workers', entry)
    redis.call('XDEL', 'classpulse:invitations', entry)
    redis.call('HDEL', bot, 'entry')
  end
end
local function owns(bot, worker)
  local known = redis.call('HMGET', bot, 'worker', 'state', 'entry')
  return known[1] == worker and known[2] ~= 'ended' and known[3]
end
local function open_group()
  local stream = 'classpulse:invitations'
  if redis.call('EXISTS', stream) == 0 or #redis.call('XINFO', 'GROUPS', stream) == 0 then
    redis.call('XGROUP', 'CREATE', stream, 'workers', '0', 'MKSTREAM')
  end
end
local function move(bot, state, moment)
  redis.call('HSET', bot, 'state', state)
  redis.call('RPUSH', bot .. ':states', moment)
end
"""

SUBMIT = """
local id, invitation, moment, due_at, at, keep_s = unpack(ARGV)
local bot = 'classpulse:bot:' .. id
redis.call('HSET', bot, 'invitation', invitation, 'state', 'requested')
redis.call('RPUSH', bot .. ':states', moment)
redis.call('ZADD', 'classpulse:bots', at, id)
redis.call('ZADD', 'classpulse:scheduled', due_at, id)
redis.call('EXPIRE', bot, keep_s)
redis.call('EXPIRE', bot .. ':states', keep_s)
local old = redis.call('ZRANGE', 'classpulse:bots', 0, -1001)
for _, gone in ipairs(old) do redis.call('ZREM', 'classpulse:bots', gone) end
"""

CLAIM = (
    _END
    + """
local worker, now, dead_ms, lost = unpack(ARGV)
local stream = 'classpulse:invitations'
open_group()
for _, id in ipairs(redis.call('ZRANGEBYSCORE', 'classpulse:scheduled', '-inf', now, 'LIMIT', 0, 100)) do
  redis.call('ZREM', 'classpulse:scheduled', id)
  redis.call('HSET', 'classpulse:bot:' .. id, 'entry', redis.call('XADD', stream, '*', 'id', id))
end
while true do
  local found = redis.call('XAUTOCLAIM', stream, 'workers', worker, dead_ms, '0', 'COUNT', 1)[2][1]
  local was_lost = found ~= nil
  if not found then
    local fresh = redis.call('XREADGROUP', 'GROUP', 'workers', worker, 'COUNT', 1, 'STREAMS', stream, '>')
    if not fresh then return false end
    found = fresh[1][2][1]
  end
  local id = found[2][2]
  local bot = 'classpulse:bot:' .. id
  local known = redis.call('HMGET', bot, 'state', 'released', 'worker')
  if not was_lost and known[3] and not known[2] then
    -- restored by the worker that runs it, and delivered here as if it were new: it stays that worker's
    redis.call('XCLAIM', stream, 'workers', known[3], 0, found[1], 'JUSTID')
  elseif known[1] and known[1] ~= 'ended' then
    if was_lost and not known[2] then move(bot, 'reconnecting', lost) end
    redis.call('HDEL', bot, 'released')
    redis.call('HSET', bot, 'worker', worker, 'entry', found[1])
    return id
  else
    redis.call('XACK', stream, 'workers', found[1])
    redis.call('XDEL', stream, found[1])
  end
end
"""
)

BEAT = (
    _END
    + """
local orders = {}
for place = 2, #ARGV do
  local bot = 'classpulse:bot:' .. ARGV[place]
  local entry = owns(bot, ARGV[1])
  if entry then
    redis.call('XCLAIM', 'classpulse:invitations', 'workers', ARGV[1], 0, entry, 'JUSTID')
    orders[#orders + 1] = redis.call('HEXISTS', bot, 'leaves') == 1 and 'leave' or 'stay'
  else
    orders[#orders + 1] = redis.call('EXISTS', bot) == 1 and 'lost' or 'unknown'
  end
end
return orders
"""
)

RESTORE = (
    _END
    + """
local worker, id, invitation, state, at, keep_s, join = unpack(ARGV)
local bot = 'classpulse:bot:' .. id
if redis.call('EXISTS', bot) == 1 then return end
open_group()
local entry = redis.call('XADD', 'classpulse:invitations', '*', 'id', id)
redis.call('XCLAIM', 'classpulse:invitations', 'workers', worker, 0, entry, 'FORCE', 'JUSTID')
redis.call('HSET', bot, 'invitation', invitation, 'state', state, 'worker', worker, 'entry', entry)
if join ~= '' then redis.call('HSET', bot, 'join', join) end
for place = 8, #ARGV do redis.call('RPUSH', bot .. ':states', ARGV[place]) end
redis.call('ZADD', 'classpulse:bots', at, id)
redis.call('EXPIRE', bot, keep_s)
redis.call('EXPIRE', bot .. ':states', keep_s)
"""
)

REPORT = (
    _END
    + """
local worker, id, state, moment, join = unpack(ARGV)
local bot = 'classpulse:bot:' .. id
if not owns(bot, worker) then return 0 end
move(bot, state, moment)
if join ~= '' then redis.call('HSET', bot, 'join', join) end
if state == 'ended' then finish(bot) end
return 1
"""
)

RELEASE = (
    _END
    + """
local bot = 'classpulse:bot:' .. ARGV[2]
local entry = owns(bot, ARGV[1])
if entry then
  redis.call('HSET', bot, 'released', 1)
  redis.call('HDEL', bot, 'worker')
  redis.call('XCLAIM', 'classpulse:invitations', 'workers', ARGV[1], 0, entry, 'IDLE', 86400000, 'JUSTID')
end
"""
)

LEAVE = (
    _END
    + """
local id, moment = unpack(ARGV)
local bot = 'classpulse:bot:' .. id
local known = redis.call('HMGET', bot, 'state', 'worker')
if not known[1] then return end
redis.call('HSET', bot, 'leaves', 1)
if not known[2] and known[1] ~= 'ended' then
  redis.call('ZREM', 'classpulse:scheduled', id)
  move(bot, 'ended', moment)
  finish(bot)
end
"""
)
