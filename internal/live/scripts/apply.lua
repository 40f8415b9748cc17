-- Adds one batch of one Kafka partition to the sums of one scope, once.
--
-- KEYS  1: the scope's offsets; 2…: the hashes that change
-- ARGV  1: epoch field; 2: last offset of the batch; 3: seconds to keep the offsets
--       then for each hash: when it expires (seconds since the epoch), the number
--       of its fields, and field, delta of each
-- Returns how many fields refused their delta, or -1 when the scope already
-- holds the batch.
--
-- pcall: a sum that would overflow must not keep the rest of the batch out,
-- since what was written before an error stays written.
-- A hash gets its time of expiry when it gets a new field, which is one whose sum
-- is the delta. Beyond 2^53 the comparison is not exact, and may then only find
-- more fields new than there are.
local held = redis.call('HGET', KEYS[1], ARGV[1])
if held and tonumber(held) >= tonumber(ARGV[2]) then
  return -1
end
local refused, at = 0, 4
for i = 2, #KEYS do
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
  if new then
    redis.call('EXPIREAT', KEYS[i], expires)
  end
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return refused
