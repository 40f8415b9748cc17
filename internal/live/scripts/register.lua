-- Notes at the term by which nonce an organisation was opened. An organisation
-- whose guard has another one has lost its slot since.
--
-- KEYS  1: the term; 2: the organisations
-- ARGV  1: term; 2: organisation; 3: nonce
-- Returns the nonce that was noted first, '' when the term is over.
if redis.call('HGET', KEYS[1], 'id') ~= ARGV[1] then
  return ''
end
redis.call('HSETNX', KEYS[2], ARGV[2], ARGV[3])
return redis.call('HGET', KEYS[2], ARGV[2])
