-- Writes sums as the log has them under a partition's new epoch, which nobody
-- reads yet. A scope may take several calls, and each may be repeated: nothing is
-- added up here. What older epochs have left in the same hashes goes, but for the
-- one that is read until restored.lua makes the new one the scope's.
--
-- KEYS  1: the scope's epochs; 2…: the hashes that are written
-- ARGV  1: partition
--       then for each hash: when it expires (seconds since the epoch, 0 for never),
--       the number of its fields, and field, value of each
local current = redis.call('HGET', KEYS[1], ARGV[1])
local at = 2
for i = 2, #KEYS do
  if current then
    for _, field in ipairs(redis.call('HKEYS', KEYS[i])) do
      local partition, epoch = string.match(field, '^(%d+)-(%w+)')
      if partition == ARGV[1] and epoch < current then
        redis.call('HDEL', KEYS[i], field)
      end
    end
  end
  local expires, fields = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  for _ = 1, fields do
    redis.call('HSET', KEYS[i], ARGV[at], ARGV[at + 1])
    at = at + 2
  end
  if expires ~= '0' then
    redis.call('EXPIREAT', KEYS[i], expires)
  end
end
return 1
