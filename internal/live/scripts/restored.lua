-- Makes the sums that restore.lua has written the scope's, and its reservations
-- what the log says: calls that are open get theirs in full where there is none,
-- those of calls that the sums hold end. It may be repeated.
--
-- KEYS  1: the scope's offsets; 2: its epochs; 3: its guard; 4: its numbers;
--       5: what is noted; 6…: the reservations
-- ARGV  1: partition; 2: epoch; 3: last offset that the sums hold; 4: seconds to
--       keep the offsets; 5: generation; 6: 1 when it ends reservations that no
--       gateway counts yet; 7: the number of nodes, and node, number of its newest
--       usage of each
--       then for each hash of reservations: when it expires, how many calls are
--       open, and request id, amount of each; how many end, and their request ids
-- Returns 1, or -2 when the partition was restored under a newer epoch.
local partition, epoch = ARGV[1], ARGV[2]
local field = partition .. '-' .. epoch
local newest = redis.call('HGET', KEYS[2], partition)
if newest and newest > epoch then
  return -2
end
redis.call('HSET', KEYS[2], partition, epoch)
redis.call('HSET', KEYS[1], field, ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
for _, number in ipairs(redis.call('HKEYS', KEYS[4])) do
  local of, under = string.match(number, '^(%d+)-(%w+):')
  if of == partition and under ~= epoch then
    redis.call('HDEL', KEYS[4], number)
  end
end
local nodes, at = tonumber(ARGV[7]), 8
for _ = 1, nodes do
  redis.call('HSET', KEYS[4], field .. ':' .. ARGV[at], ARGV[at + 1])
  at = at + 2
end
if nodes > 0 then
  redis.call('EXPIRE', KEYS[4], ARGV[4])
end
local owner = redis.call('HGET', KEYS[3], 'generation')
local owns = owner == ARGV[5] or (not owner and ARGV[6] == '1')
for i = 6, #KEYS do
  local expires, open = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  for _ = 1, open do
    if owns and redis.call('HEXISTS', KEYS[i], ARGV[at]) == 0 then
      put(KEYS[i], ARGV[at], ARGV[at + 1], expires)
    end
    at = at + 2
  end
  local ids = tonumber(ARGV[at])
  for id = at + 1, at + ids do
    finish(owns, KEYS[5], KEYS[i], ARGV[id])
  end
  at = at + 1 + ids
end
return 1
