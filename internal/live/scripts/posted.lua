-- Notes at the term that the open calls of a partition have been posted.
--
-- KEYS  1: the term
-- ARGV  1: term; 2: the partition's field; 3: generation of who has posted them
-- Returns 1, or 0 when the term is over.
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then
  return 0
end
redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
return 1
