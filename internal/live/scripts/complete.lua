-- Ends a restore, unless Redis was lost or another one was begun meanwhile.
--
-- KEYS  1: positions; 2: restores
-- ARGV  1: partition; 2: epoch; 3: position
-- Returns 1, or 0.
if redis.call('HGET', KEYS[2], ARGV[1]) ~= ARGV[2] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
return 1
