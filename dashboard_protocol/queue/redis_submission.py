"""What Redis does atomically when somebody invites a bot (Lua): once a key, one a room, so many an inviter.

Its keys are those of `redis_scripts`.
"""

from dashboard_protocol.queue.redis_common import COMMON

SUBMIT = (
    COMMON
    + """
local id, room, invitation, moment, due_at, at, keep_s, webhook, key, key_s, owner, most, kind = unpack(ARGV)
local bot = 'classpulse:bot:' .. id
local function is_known(other) return other and redis.call('EXISTS', 'classpulse:bot:' .. other) == 1 end
if key ~= '' then
  local first = redis.call('GET', key)
  if is_known(first) then return {'known', first} end
end
local other = redis.call('HGET', 'classpulse:serving', room)
if is_known(other) then return {'taken', other} end
if most ~= '' then
  local held = 0
  for _, serving in ipairs(redis.call('HVALS', 'classpulse:serving')) do
    local place = 'classpulse:bot:' .. serving
    local is_bot = redis.call('TYPE', place).ok == 'hash'
    if is_bot and redis.call('HGET', place, 'owner') == owner then held = held + 1 end
  end
  if held >= tonumber(most) then return {'many', ''} end
end
if key ~= '' then redis.call('SET', key, id, 'EX', key_s) end
redis.call('HSET', bot, 'invitation', invitation, 'state', 'requested', 'room', room, 'keep_s', keep_s, 'owner', owner)
if kind ~= '' then redis.call('HSET', bot, 'kind', kind) end
if webhook ~= '' then redis.call('HSET', bot, 'webhook', 1) end
redis.call('RPUSH', bot .. ':states', moment)
redis.call('ZADD', 'classpulse:bots', at, id)
redis.call('ZADD', 'classpulse:scheduled', due_at, id)
redis.call('HSET', 'classpulse:serving', room, id)
keep(bot, math.max(0, math.ceil(due_at - at)))
notify(bot, id)
ring('classpulse:news:invitations')
local old = redis.call('ZRANGE', 'classpulse:bots', 0, -1001)
for _, gone in ipairs(old) do redis.call('ZREM', 'classpulse:bots', gone) end
return {'new', id}
"""
)
