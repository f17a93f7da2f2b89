-- SPDX-FileCopyrightText: the thingpass authors
-- SPDX-License-Identifier: Apache-2.0
--
-- broker.Quota's Take. Returns 0, or the number of refusals in this window.
-- A number here is exact up to 2^53, which is broker.MaxLimit.
local count, objects = KEYS[1], KEYS[2]
local limit, amount, spent, life = tonumber(ARGV[1]), tonumber(ARGV[2]), ARGV[3] == '1', ARGV[4]
local mark, now, remembered, most = ARGV[5], tonumber(ARGV[6]), tonumber(ARGV[7]), tonumber(ARGV[8])

-- Each of objects is a mark and the time when it was charged for.
if mark ~= '' then
  for _, known in ipairs(redis.call('LRANGE', objects, 0, -1)) do
    local since = tonumber(string.sub(known, #mark + 1))
    if string.sub(known, 1, #mark) == mark and now >= since and now - since < remembered then
      return 0
    end
  end
end

local used = tonumber(redis.call('HGET', count, 'used') or '0')
if not spent and used + math.max(amount, 1) > limit then
  local refusals = redis.call('HINCRBY', count, 'refusals', 1)
  redis.call('EXPIRE', count, life)
  return refusals
end
if amount > 0 then
  redis.call('HINCRBY', count, 'used', ARGV[2])
  redis.call('EXPIRE', count, life)
end

if mark ~= '' then
  redis.call('LPUSH', objects, mark .. ARGV[6])
  redis.call('LTRIM', objects, 0, most - 1)
  redis.call('EXPIRE', objects, remembered)
end
return 0
