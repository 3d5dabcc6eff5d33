"""What Redis does atomically with invitations (Lua).

Keys, all below `classpulse:`: `invitations`, a stream read by the consumer group `workers`, an entry for each bot that
is due, and `invitations:pages`, another one for those that take a browser; `scheduled`, the bots that are not due, by
time; `bot:ID`, a hash, and `bot:ID:states` and `bot:ID:attempts`, lists; `bots`, all by time; `serving`, a hash of the
bot of each room; `webhooks`, the bots of whose states something is to be sent, by the time when that is due or when the
lease of the gateway that does it ends. Among a bot's states stand the alerts of its class, where its webhook wants
them.
"""

from dashboard_protocol.bus.redis_scripts import ERASE_EVENTS
from dashboard_protocol.queue.redis_common import COMMON

CLAIM = (
    COMMON
    + """
local worker, dead_ms, lost, takes_pages = unpack(ARGV)
local is_served = {}
for place = 5, #ARGV do is_served[ARGV[place]] = true end
local streams = {'classpulse:invitations', 'classpulse:invitations:pages'}
local idle_ms = is_just_back(dead_ms) and 43200000 or dead_ms  -- what was given back is idle for a day
for _, stream in ipairs(streams) do open_group(stream) end
for _, id in ipairs(redis.call('ZRANGEBYSCORE', 'classpulse:scheduled', '-inf', now_s(), 'LIMIT', 0, 100)) do
  redis.call('ZREM', 'classpulse:scheduled', id)
  mend('classpulse:bot:' .. id)
  local bot = 'classpulse:bot:' .. id
  redis.call('HSET', bot, 'entry', redis.call('XADD', stream_of(bot), '*', 'id', id))
end
if takes_pages == '' then streams[2] = nil end
local function find_idle(stream)
  -- Redis looks through ten entries a call, however few of them it finds, and says where it stopped
  local from = '0-0'
  repeat
    local answer = redis.call('XAUTOCLAIM', stream, 'workers', worker, idle_ms, from, 'COUNT', 1)
    if answer[2][1] then return answer[2][1] end
    from = answer[1]
  until from == '0-0'
end
local function find()
  for _, stream in ipairs(streams) do
    local idle = find_idle(stream)
    if idle then return stream, idle, true end
  end
  for _, stream in ipairs(streams) do
    local fresh = redis.call('XREADGROUP', 'GROUP', 'workers', worker, 'COUNT', 1, 'STREAMS', stream, '>')
    if fresh then return stream, fresh[1][2][1], false end
  end
end
while true do
  local stream, found, was_lost = find()
  if not found then return false end
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
    redis.call('XCLAIM', stream_of(bot), 'workers', ARGV[1], 0, entry, 'JUSTID')
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
local worker, id, room, invitation, state, at, keep_s, webhook, join, owner, newest, kind = unpack(ARGV)
local bot = 'classpulse:bot:' .. id
if redis.call('EXISTS', bot) == 1 then return end
redis.call('HSET', bot, 'kind', kind)
local stream = stream_of(bot)
open_group(stream)
local entry = redis.call('XADD', stream, '*', 'id', id)
redis.call('XCLAIM', stream, 'workers', worker, 0, entry, 'FORCE', 'JUSTID')
redis.call('HSET', bot, 'invitation', invitation, 'state', state, 'worker', worker, 'entry', entry)
redis.call('HSET', bot, 'room', room, 'keep_s', keep_s, 'owner', owner)
if join ~= '' then redis.call('HSET', bot, 'join', join) end
for place = 13, #ARGV do redis.call('RPUSH', bot .. ':states', ARGV[place]) end
redis.call('ZADD', 'classpulse:bots', at, id)
redis.call('HSET', 'classpulse:serving', room, id)
-- nobody knows what the webhook was notified of before: the present state, and what follows
if webhook ~= '' then redis.call('HSET', bot, 'webhook', 1, 'first', newest, 'told', newest) end
keep(bot)
notify(bot, id)
"""
)

REPORT = (
    COMMON
    + """
local worker, id, state, moment, join = unpack(ARGV)
local bot = 'classpulse:bot:' .. id
if not owns(bot, worker) then return 0 end
if state == '' then add(id, moment) else move(id, state, moment) end
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
  redis.call('XCLAIM', stream_of(bot), 'workers', ARGV[1], 0, entry, 'IDLE', 86400000, 'JUSTID')
  ring('classpulse:news:invitations')
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
