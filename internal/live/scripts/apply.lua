-- Adds one batch of one Kafka partition to the sums of one scope, once, and ends
-- the reservations of its calls in the same moment.
--
-- KEYS  1: the scope's offsets; 2: its epochs; 3: its guard; 4: its numbers;
--       5: what is noted; 6…: the sums that change, then the reservations
-- ARGV  1: partition; 2: epoch; 3: last offset of the batch; 4: seconds to keep the
--       offsets; 5: generation; 6: 1 when it ends reservations that no gateway
--       counts yet; 7: how many hashes of sums
--       then for each of them: when it expires (seconds since the epoch, 0 for
--       never), the number of its fields, and field, delta of each
--       then the number of nodes, and node, number of its newest usage of each
--       then for each hash of reservations: how many end, and their request ids
-- Returns how many fields refused their delta, -1 when the scope already holds the
-- batch, or -2 when the partition was restored under a newer epoch.
--
-- pcall: a sum that would overflow must not keep the rest of the batch out,
-- since what was written before an error stays written.
-- A hash gets its time of expiry when it gets a new field, which is one whose sum
-- is the delta. Beyond 2^53 the comparison is not exact, and may then only find
-- more fields new than there are.
local partition, epoch = ARGV[1], ARGV[2]
local field = partition .. '-' .. epoch
local held = redis.call('HGET', KEYS[1], field)
if held and tonumber(held) >= tonumber(ARGV[3]) then
  return -1
end
local newest = redis.call('HGET', KEYS[2], partition)
if newest and newest > epoch then
  return -2
elseif newest ~= epoch then
  redis.call('HSET', KEYS[2], partition, epoch)
end
local refused, sums, at = 0, 5 + tonumber(ARGV[7]), 8
for i = 6, sums do
  local expires, fields = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  local new = false
  for _ = 1, fields do
    local reply = redis.pcall('HINCRBY', KEYS[i], ARGV[at], ARGV[at + 1])
    if type(reply) == 'table' then
      refused = refused + 1
    elseif reply == tonumber(ARGV[at + 1]) then
      new = true
    end
    at = at + 2
  end
  if new and expires ~= '0' then
    redis.call('EXPIREAT', KEYS[i], expires)
  end
end
local nodes = tonumber(ARGV[at])
at = at + 1
for _ = 1, nodes do
  redis.call('HSET', KEYS[4], field .. ':' .. ARGV[at], ARGV[at + 1])
  at = at + 2
end
if nodes > 0 then
  redis.call('EXPIRE', KEYS[4], ARGV[4])
end
local owner = redis.call('HGET', KEYS[3], 'generation')
local owns = owner == ARGV[5] or (not owner and ARGV[6] == '1')
for i = sums + 1, #KEYS do
  local ids = tonumber(ARGV[at])
  for id = at + 1, at + ids do
    finish(owns, KEYS[5], KEYS[i], ARGV[id])
  end
  at = at + 1 + ids
end
redis.call('HSET', KEYS[1], field, ARGV[3])
redis.call('EXPIRE', KEYS[1], ARGV[4])
return refused
