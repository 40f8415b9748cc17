-- Ends a term: everything is restored under the next one.
--
-- KEYS  1: the term; 2: the organisations
-- ARGV  1: term
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then
  return 0
end
return redis.call('DEL', KEYS[1], KEYS[2])
