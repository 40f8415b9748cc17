-- Writes sums as the log has them under a partition's new epoch. A scope may
-- take several calls, and each may be repeated: nothing is added up here.
--
-- KEYS  1: the scope's offsets; 2…: the hashes that are written
-- ARGV  1: epoch field; 2: last offset that the sums hold; 3: seconds to keep the
--       offsets
--       then for each hash: when it expires (seconds since the epoch), the number
--       of its fields, and field, value of each
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
redis.call('EXPIRE', KEYS[1], ARGV[3])
local at = 4
for i = 2, #KEYS do
  local expires, fields = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  for _ = 1, fields do
    redis.call('HSET', KEYS[i], ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  redis.call('EXPIREAT', KEYS[i], expires)
end
return 1
