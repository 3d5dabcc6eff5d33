"""What Redis does atomically when an event is published (Lua), and where it keeps a room."""

from dataclasses import dataclass
from urllib.parse import quote

PUBLISH = """
local meta, hello, snapshot, events, people, live = unpack(KEYS)
local epoch, seq, kind, text, participant, expected, lost, max_events, max_people, keep_s, snapshot_s = unpack(ARGV)
local known = redis.call('HMGET', meta, 'epoch', 'last', 'hello', 'lost')
local last = known[2] or ''
if tonumber(epoch) < tonumber(known[1] or 0) then return {'over', last} end

if kind == 'snapshot' then
  redis.call('SET', snapshot, text, 'EX', snapshot_s)
  return {'ok', last}
end

local id = epoch .. '-' .. seq
if kind == 'hello' then
  if known[3] ~= epoch then
    redis.call('DEL', snapshot, people)
    redis.call('HSET', meta, 'epoch', epoch, 'hello', epoch, 'last', id, 'lost', 0)
    redis.call('XADD', events, id, 'event', text)
  end
  redis.call('SET', hello, text, 'EX', keep_s)
else
  if last ~= expected then return {'elsewhere', last} end
  if tonumber(lost) > tonumber(known[4] or 0) then redis.call('HSET', meta, 'lost', lost) end
  local stream, most = events, tonumber(max_events)
  if kind == 'participant' then stream, most = people, tonumber(max_people) end
  if kind == 'forget' then
    for _, entry in ipairs(redis.call('XRANGE', people, '-', '+')) do
      if entry[2][4] == participant then redis.call('XDEL', people, entry[1]) end
    end
  end
  if kind == 'bye' then redis.call('DEL', people) end
  redis.call('XADD', stream, id, 'event', text, 'participant', participant)
  redis.call('HSET', meta, 'epoch', epoch, 'last', id)
  if redis.call('XLEN', stream) > most then
    local oldest = redis.call('XRANGE', stream, '-', '+', 'COUNT', 1)[1][1]
    redis.call('XDEL', stream, oldest)
    local of, at = string.match(oldest, '(%d+)-(%d+)')
    if of == epoch then redis.call('HSET', meta, 'lost', at) end
  end
end
redis.call('EXPIRE', meta, keep_s)
redis.call('EXPIRE', hello, keep_s)
redis.call('EXPIRE', events, keep_s)
redis.call('EXPIRE', people, math.min(600, keep_s))
redis.call('PUBLISH', live, text)
return {'ok', kind == 'hello' and known[3] == epoch and last or id}
"""
"""Publish one event, unless a newer epoch is open (`over`) or the streams do not end where expected (`elsewhere`).

The stream ids are `epoch-seq`, so that Redis itself keeps their order. Class events and people's events lie in two
streams: what is told of a person is capped by itself, expires after ten minutes, and goes at `bye`.
"""


@dataclass(frozen=True, slots=True)
class Keys:
    """Where Redis keeps a room; the braces keep one room's keys on one node of a cluster."""

    room: str

    def __getitem__(self, name: str) -> str:
        return f"classpulse:{{{quote(self.room, safe='')}}}:{name}"

    def for_publishing(self) -> list[str]:
        """Return the keys of `PUBLISH`, in its order; the last is the channel."""
        return [self[name] for name in ("meta", "hello", "snapshot", "events", "people", "live")]
