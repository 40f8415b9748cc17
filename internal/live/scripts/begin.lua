-- Numbers a new epoch of the current term, which begins when there is none.
--
-- KEYS  1: the term; 2: the organisations
-- ARGV  1: what a new term is called
-- Returns {term, number}.
if redis.call('HSETNX', KEYS[1], 'id', ARGV[1]) == 1 then
  redis.call('HSET', KEYS[1], 'born', redis.call('TIME')[1])
  redis.call('DEL', KEYS[2])
end
return {redis.call('HGET', KEYS[1], 'id'), redis.call('HINCRBY', KEYS[1], 'epochs', 1)}
