-- Notes that a gateway lives, and in which term it has posted its reservations.
--
-- KEYS  1: the gateways
-- ARGV  1: node; 2: the term that it has posted under, '' for none
redis.call('HSET', KEYS[1], ARGV[1], ARGV[2] .. ':' .. redis.call('TIME')[1])
return 1
