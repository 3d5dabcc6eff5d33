"""What Redis does atomically with invitations (Lua).

Keys, all below `classpulse:`: `invitations`, a stream read by the consumer group `workers`, an entry for each bot that
is due; `scheduled`, the bots that are not, by time; `bot:ID`, a hash, and `bot:ID:states` and `bot:ID:attempts`, lists;
`bots`, all by time; `serving`, a hash of the bot of each room; `webhooks`, the bots whose newest states are to be told,
by the time when that is due or when the lease of the gateway that does it ends.
"""

from dashboard_protocol.bus.scripts import ERASE_EVENTS

COMMON = """
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
local function clear_unless(key, kind)
  local found = redis.call('TYPE', key).ok
  if found ~= 'none' and found ~= kind then redis.call('DEL', key) end
end
local function mend(bot)
  -- whatever else lies in the place of a bot goes, so that nobody waits for it
  clear_unless(bot, 'hash')
  clear_unless(bot .. ':states', 'list')
  clear_unless(bot .. ':attempts', 'list')
end
local function open_group()
  local stream = 'classpulse:invitations'
  if redis.call('EXISTS', stream) == 0 or #redis.call('XINFO', 'GROUPS', stream) == 0 then
    redis.call('XGROUP', 'CREATE', stream, 'workers', '0', 'MKSTREAM')
  end
end
local function now_s()
  local now = redis.call('TIME')
  return now[1] + now[2] / 1000000
end
local function is_just_back(dead_ms)
  -- when no worker was heard for a while, this Redis was away, or another one was the master: whoever lives must be
  -- heard before it is taken for dead
  local dead_s, now = dead_ms / 1000, now_s()
  clear_unless('classpulse:heard', 'hash')
  local known = redis.call('HMGET', 'classpulse:heard', 'at', 'wait_until')
  local wait_until = tonumber(known[2] or 0) or 0
  if math.abs(now - (tonumber(known[1] or 0) or 0)) > dead_s / 2 then wait_until = now + dead_s end
  redis.call('HSET', 'classpulse:heard', 'at', now, 'wait_until', wait_until)
  return now < wait_until and wait_until <= now + dead_s
end
local function moment_of(state, reason)
  -- by this clock, which all gateways and workers share
  return string.format('{"state":"%s","since":%.3f,"reason":"%s"}', state, now_s(), reason)
end
local function keep(bot, more_s)
  local known = redis.call('HMGET', bot, 'keep_s', 'state')
  local keep_s = tonumber(known[1] or 604800)
  -- a bot that has not ended is kept by what it does, not by how long its inviter wants to look back
  if known[2] ~= 'ended' then keep_s = math.max(keep_s, 604800) + (more_s or 0) end
  for _, key in ipairs({bot, bot .. ':states', bot .. ':attempts'}) do redis.call('EXPIRE', key, keep_s) end
end
local function tell(bot, id)
  if redis.call('HEXISTS', bot, 'webhook') == 1 then redis.call('ZADD', 'classpulse:webhooks', 'NX', now_s(), id) end
end
local function move(id, state, moment)
  local bot = 'classpulse:bot:' .. id
  redis.call('HSET', bot, 'state', state)
  redis.call('RPUSH', bot .. ':states', moment)
  keep(bot)
  tell(bot, id)
  if state == 'ended' then
    local room = redis.call('HGET', bot, 'room') or ''
    if redis.call('HGET', 'classpulse:serving', room) == id then redis.call('HDEL', 'classpulse:serving', room) end
  end
end
"""

CLAIM = (
    COMMON
    + """
local worker, dead_ms, lost = unpack(ARGV)
local is_served = {}
for place = 4, #ARGV do is_served[ARGV[place]] = true end
local stream = 'classpulse:invitations'
local idle_ms = is_just_back(dead_ms) and 43200000 or dead_ms  -- what was given back is idle for a day
open_group()
for _, id in ipairs(redis.call('ZRANGEBYSCORE', 'classpulse:scheduled', '-inf', now_s(), 'LIMIT', 0, 100)) do
  redis.call('ZREM', 'classpulse:scheduled', id)
  mend('classpulse:bot:' .. id)
  redis.call('HSET', 'classpulse:bot:' .. id, 'entry', redis.call('XADD', stream, '*', 'id', id))
end
while true do
  local found = redis.call('XAUTOCLAIM', stream, 'workers', worker, idle_ms, '0', 'COUNT', 1)[2][1]
  local was_lost = found ~= nil
  if not found then
    local fresh = redis.call('XREADGROUP', 'GROUP', 'workers', worker, 'COUNT', 1, 'STREAMS', stream, '>')
    if not fresh then return false end
    found = fresh[1][2][1]
  end
  local id = found[2][2]
  local bot = 'classpulse:bot:' .. id
  mend(bot)
  local known = redis.call('HMGET', bot, 'state', 'released', 'worker', 'entry')
  if known[4] ~= found[1] then
    -- of before the bot was restored: another entry stands for it now
    redis.call('XACK', stream, 'workers', found[1])
    redis.call('XDEL', stream, found[1])
  elseif was_lost and is_served[id] then
    -- who asks was silent, not dead: it hears at its heartbeat whether the bot is still its own
    if known[2] then  -- given back just now: for others, at once
      redis.call('XCLAIM', stream, 'workers', worker, 0, found[1], 'IDLE', 86400000, 'JUSTID')
      return false
    end
  elseif not was_lost and known[3] and not known[2] then
    -- restored by the worker that runs it, and delivered here as if it were new: it stays that worker's
    redis.call('XCLAIM', stream, 'workers', known[3], 0, found[1], 'JUSTID')
  elseif known[1] and known[1] ~= 'ended' then
    if was_lost and not known[2] then move(id, 'reconnecting', moment_of('reconnecting', lost)) end
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
    COMMON
    + """
local orders = {}
is_just_back(ARGV[2])
for place = 3, #ARGV do
  local bot = 'classpulse:bot:' .. ARGV[place]
  mend(bot)
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
    COMMON
    + """
local worker, id, room, invitation, state, at, keep_s, webhook, join, owner = unpack(ARGV)
local bot = 'classpulse:bot:' .. id
if redis.call('EXISTS', bot) == 1 then return end
open_group()
local entry = redis.call('XADD', 'classpulse:invitations', '*', 'id', id)
redis.call('XCLAIM', 'classpulse:invitations', 'workers', worker, 0, entry, 'FORCE', 'JUSTID')
redis.call('HSET', bot, 'invitation', invitation, 'state', state, 'worker', worker, 'entry', entry)
redis.call('HSET', bot, 'room', room, 'keep_s', keep_s, 'owner', owner)
if join ~= '' then redis.call('HSET', bot, 'join', join) end
for place = 11, #ARGV do redis.call('RPUSH', bot .. ':states', ARGV[place]) end
redis.call('ZADD', 'classpulse:bots', at, id)
redis.call('HSET', 'classpulse:serving', room, id)
-- nobody knows what the webhook was told before: the present state, and what follows
if webhook ~= '' then redis.call('HSET', bot, 'webhook', 1, 'first', #ARGV - 11, 'told', #ARGV - 11) end
keep(bot)
tell(bot, id)
"""
)

REPORT = (
    COMMON
    + """
local worker, id, state, moment, join = unpack(ARGV)
local bot = 'classpulse:bot:' .. id
if not owns(bot, worker) then return 0 end
move(id, state, moment)
if join ~= '' then redis.call('HSET', bot, 'join', join) end
if state == 'ended' then finish(bot) end
return 1
"""
)

RELEASE = (
    COMMON
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
    COMMON
    + """
local id, asked = unpack(ARGV)
local bot = 'classpulse:bot:' .. id
local known = redis.call('HMGET', bot, 'state', 'worker')
if not known[1] then return end
redis.call('HSET', bot, 'leaves', 1)
if not known[2] and known[1] ~= 'ended' then
  redis.call('ZREM', 'classpulse:scheduled', id)
  move(id, 'ended', moment_of('ended', asked))
  finish(bot)
end
"""
)

ERASE = (
    """
local serving = redis.call('HGET', 'classpulse:serving', ARGV[1])
if serving and redis.call('EXISTS', 'classpulse:bot:' .. serving) == 1 then return 0 end
"""
    + ERASE_EVENTS
    + """
for _, id in ipairs(redis.call('ZRANGE', 'classpulse:bots', 0, -1)) do
  local bot = 'classpulse:bot:' .. id
  if redis.call('TYPE', bot).ok == 'hash' and redis.call('HGET', bot, 'room') == ARGV[1] then
    redis.call('DEL', bot, bot .. ':states', bot .. ':attempts')
    redis.call('ZREM', 'classpulse:bots', id)
    redis.call('ZREM', 'classpulse:webhooks', id)
  end
end
return 1
"""
)
