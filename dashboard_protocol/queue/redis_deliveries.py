"""What Redis does atomically with the states that webhooks get (Lua); its keys are those of `redis_scripts`."""

from dashboard_protocol.queue.redis_common import COMMON

TAKE = (
    COMMON
    + """
local lease, lease_s = unpack(ARGV)
while true do
  local id = redis.call('ZRANGEBYSCORE', 'classpulse:webhooks', '-inf', now_s(), 'LIMIT', 0, 1)[1]
  if not id then return false end
  local bot = 'classpulse:bot:' .. id
  mend(bot)
  local sent = tonumber(redis.call('HGET', bot, 'told') or 0) or 0
  if sent < redis.call('LLEN', bot .. ':states') then
    redis.call('ZADD', 'classpulse:webhooks', now_s() + lease_s, id)
    redis.call('HSET', bot, 'lease', lease)
    return {id, sent}
  end
  redis.call('ZREM', 'classpulse:webhooks', id)
end
"""
)

SETTLE = (
    COMMON
    + """
local lease, id, number, attempt, retry_s = unpack(ARGV)
local bot = 'classpulse:bot:' .. id
if redis.call('HGET', bot, 'lease') ~= lease then return 0 end
redis.call('HDEL', bot, 'lease')
redis.call('RPUSH', bot .. ':attempts', attempt)
keep(bot)
if retry_s ~= '' then
  redis.call('ZADD', 'classpulse:webhooks', now_s() + retry_s, id)
else
  redis.call('HSET', bot, 'told', number + 1)
  if number + 1 < redis.call('LLEN', bot .. ':states') then
    redis.call('ZADD', 'classpulse:webhooks', now_s(), id)
    ring('classpulse:news:webhooks')
  else
    redis.call('ZREM', 'classpulse:webhooks', id)
  end
end
return 1
"""
)
