"""What the scripts of the Redis queue have in common (Lua); its keys are those of `redis_scripts`."""

from dashboard_protocol.bus.redis_scripts import RING

NEWS_OF_INVITATIONS = "classpulse:news:invitations"
NEWS_OF_WEBHOOKS = "classpulse:news:webhooks"
PAGES = "pages"
"""Kind of the meetings that take a browser."""

COMMON = (
    RING
    + """
local function stream_of(bot)
  -- meetings that take a browser have a stream of their own: a worker that has no room for one never reads it
  local is_page = redis.call('HGET', bot, 'kind') == 'pages'
  return is_page and 'classpulse:invitations:pages' or 'classpulse:invitations'
end
local function finish(bot)
  local entry = redis.call('HGET', bot, 'entry')
  if entry then
    redis.call('XACK', stream_of(bot), 'workers', entry)
    redis.call('XDEL', stream_of(bot), entry)
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
local function open_group(stream)
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
local function notify(bot, id)
  if redis.call('HEXISTS', bot, 'webhook') == 1 then
    redis.call('ZADD', 'classpulse:webhooks', 'NX', now_s(), id)
    ring('classpulse:news:webhooks')
  end
end
local function add(id, notification)
  local bot = 'classpulse:bot:' .. id
  redis.call('RPUSH', bot .. ':states', notification)
  keep(bot)
  notify(bot, id)
end
local function move(id, state, moment)
  local bot = 'classpulse:bot:' .. id
  redis.call('HSET', bot, 'state', state)
  add(id, moment)
  if state == 'ended' then
    local room = redis.call('HGET', bot, 'room') or ''
    if redis.call('HGET', 'classpulse:serving', room) == id then redis.call('HDEL', 'classpulse:serving', room) end
  end
end
"""
)
