"""What Redis does atomically when an event is published (Lua), and where it keeps a room."""

from dataclasses import dataclass
from typing import Self
from urllib.parse import quote, unquote

_OLD = """
local now = redis.call('TIME')
local now_s = now[1] + now[2] / 1000000
local function drop(stream, entry, epoch)
  redis.call('XDEL', stream, entry[1])
  local of, at = string.match(entry[1], '(%d+)-(%d+)')
  if of == epoch then redis.call('HSET', meta, 'lost', at) end
end
local function drop_old(stream, epoch, keep_s, most)
  for _ = 1, most do
    local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1]
    if not oldest or (tonumber(oldest[2][#oldest[2]]) or now_s) > now_s - keep_s then return end
    drop(stream, oldest, epoch)
  end
end
"""

RING = """
local function ring(news)
  if redis.call('TYPE', news).ok ~= 'stream' then redis.call('DEL', news) end
  redis.call('XADD', news, 'MAXLEN', 1, '*', 'at', '')
end
"""
"""Wakes whoever waits for news; see `redis_news`."""

OPEN = """
local meta = KEYS[1]
local holder, take_over, hold_s = unpack(ARGV)
local now = redis.call('TIME')
local now_s = now[1] + now[2] / 1000000
local known = redis.call('HMGET', meta, 'holder', 'held_at')
-- either way: a clock that was set back must not keep a room closed
local is_held = known[1] and known[1] ~= holder and math.abs(now_s - tonumber(known[2] or 0)) < tonumber(hold_s)
if is_held and take_over == '' then return 0 end
redis.call('HSET', meta, 'holder', holder, 'held_at', now_s)
return redis.call('HINCRBY', meta, 'epoch', 1)
"""
"""Open a room's next epoch; 0 where another bot holds the room, which goes by this clock."""

HOLD = """
local meta = KEYS[1]
local epoch, holder = unpack(ARGV)
if tonumber(epoch) < tonumber(redis.call('HGET', meta, 'epoch') or 0) then return 0 end
local now = redis.call('TIME')
redis.call('HSET', meta, 'epoch', epoch, 'holder', holder, 'held_at', now[1] + now[2] / 1000000)
return 1
"""
"""Hold a room for a while longer; 0 where a newer epoch is open."""

PUBLISH = (
    """
local meta, hello, snapshot, events, hellos, live = unpack(KEYS)
local epoch, seq, kind, text, expected, lost, max_events, keep_s, snapshot_s = unpack(ARGV)
local known = redis.call('HMGET', meta, 'epoch', 'last', 'hello', 'lost')
local last = known[2] or ''
if tonumber(epoch) < tonumber(known[1] or 0) then return {'over', last} end

if kind == 'snapshot' then
  redis.call('SET', snapshot, text, 'EX', snapshot_s)
  return {'ok', last}
end
"""
    + _OLD
    + """
local id = epoch .. '-' .. seq
local is_known = known[3] == epoch
if kind == 'hello' or kind == 'past_hello' then
  redis.call('HSET', hellos, id, text)
  if is_known and kind == 'past_hello' then return {'ok', last} end
  if not is_known then
    redis.call('DEL', snapshot)
    redis.call('HSET', meta, 'epoch', epoch, 'hello', epoch, 'last', id, 'lost', 0)
  end
  redis.call('SET', hello, text, 'EX', keep_s)
  id = is_known and last or id
else
  if last ~= expected then return {'elsewhere', last} end
  if tonumber(lost) > tonumber(known[4] or 0) then redis.call('HSET', meta, 'lost', lost) end
  if kind == 'bye' then redis.call('HDEL', meta, 'holder', 'held_at') end
  redis.call('HSET', meta, 'epoch', epoch, 'last', id)
  if kind ~= 'participant' then
    redis.call('XADD', events, id, 'event', text, 'at', now_s)
    if redis.call('XLEN', events) > tonumber(max_events) then
      drop(events, redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1], epoch)
    end
    drop_old(events, epoch, keep_s, 100)
  end
end
for _, key in ipairs({meta, hello, events, hellos}) do redis.call('EXPIRE', key, keep_s) end
redis.call('PUBLISH', live, text)
return {'ok', id}
"""
)
"""Publish one event, unless a newer epoch is open (`over`) or the streams do not end where expected (`elsewhere`).

To compare and to append is one step: between two, another bot could open an epoch, or the server change.
The stream ids are `epoch-seq`, so that Redis itself keeps their order. What is published of a person is passed on and
kept nowhere: a `PUBLISH` is in no log and no dump of Redis, and what is not written need not be erased. Every `hello`
stands in a hash by the id of the event before it: what held when is known however much of a stream is gone.
"""

SWEEP = (
    """
local meta, hello, snapshot, events, hellos = unpack(KEYS)
local keep_s = tonumber(ARGV[1])
"""
    + _OLD
    + """
local epoch = redis.call('HGET', meta, 'epoch')
drop_old(events, epoch, keep_s, 1000000)
local oldest = redis.call('XRANGE', events, '-', '+', 'COUNT', 1)[1]
local first = tonumber(string.match(oldest and oldest[1] or epoch or '0', '^%d+'))
for _, id in ipairs(redis.call('HKEYS', hellos)) do
  if tonumber(string.match(id, '^%d+')) < first then redis.call('HDEL', hellos, id) end
end
for _, key in ipairs(KEYS) do redis.call('EXPIRE', key, keep_s, 'LT') end
"""
)
"""Delete what is older than the retention, and keep nothing for longer than that from now."""

ERASE_EVENTS = """
local meta, hello, snapshot, events, hellos = unpack(KEYS)
redis.call('DEL', hello, snapshot, events, hellos)
redis.call('HDEL', meta, 'hello', 'last', 'lost')
"""
"""Delete what is kept of a room, but for the number of its last epoch."""

EVERY_ROOM = "classpulse:{*}:events"


@dataclass(frozen=True, slots=True)
class Keys:
    """Where Redis keeps a room; the braces set a room's name apart from the kind of key."""

    room: str

    def __getitem__(self, name: str) -> str:
        return f"classpulse:{{{quote(self.room, safe='')}}}:{name}"

    @classmethod
    def of_events(cls, key: str) -> Self:
        """Return the keys of the room to which a key matching `EVERY_ROOM` belongs."""
        return cls(unquote(key.removeprefix("classpulse:{").removesuffix("}:events")))

    def for_publishing(self) -> list[str]:
        """Return the keys of `PUBLISH`, in its order; the last is the channel."""
        return [*self.kept(), self["live"]]

    def kept(self) -> list[str]:
        """Return where something is kept, in the order of `SWEEP` and `ERASE_EVENTS`."""
        return [self[name] for name in ("meta", "hello", "snapshot", "events", "hellos")]
