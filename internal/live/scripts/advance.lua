-- Moves the position of a partition over a batch that all its scopes hold.
--
-- KEYS  1: positions
-- ARGV  1: partition; 2: position before the batch; 3: position after it
-- Returns 1, or 0 when Redis stands elsewhere: it was lost in between, or
-- another writer restored the partition.
local at = redis.call('HGET', KEYS[1], ARGV[1])
if at ~= ARGV[2] and at ~= ARGV[3] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
