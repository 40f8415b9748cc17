-- Reads a hash with the server's time.
--
-- KEYS  1: the hash
-- Returns seconds since the epoch, then field, value of each.
local fields = redis.call('HGETALL', KEYS[1])
table.insert(fields, 1, redis.call('TIME')[1])
return fields
