-- Begins to open an organisation: from here on a loss of its slot shows.
--
-- KEYS  1: the guard
-- ARGV  1: term; 2: a nonce
-- Returns the nonce that stands, and by which generation the organisation has
-- counted so far, '' for none.
if redis.call('HGET', KEYS[1], 'term') ~= ARGV[1] then
  redis.call('HDEL', KEYS[1], 'open')
  redis.call('HSET', KEYS[1], 'term', ARGV[1], 'nonce', ARGV[2])
end
local guard = redis.call('HMGET', KEYS[1], 'nonce', 'generation')
return {guard[1], guard[2] or ''}
