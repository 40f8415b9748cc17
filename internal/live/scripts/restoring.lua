-- Takes a partition's position away and says whose restore may set the next one.
--
-- KEYS  1: positions; 2: restores
-- ARGV  1: partition; 2: epoch
-- Returns 1, or 0 when a later restore was begun.
local newest = redis.call('HGET', KEYS[2], ARGV[1])
if newest and newest > ARGV[2] then
  return 0
end
redis.call('HDEL', KEYS[1], ARGV[1])
redis.call('HSET', KEYS[2], ARGV[1], ARGV[2])
return 1
