-- Opens an organisation and makes it count by the sums of a generation, as soon as
-- these hold all that the generation before has ended reservations for.
--
-- KEYS  1: the guard; 2: the epochs and 3: the offsets of the generation before;
--       4: what the new generation has noted
-- ARGV  1: term; 2: nonce; 3: generation; 4: the one before; then partition, offset
--       before which the new generation holds everything
-- Returns 1, or 0 when the guard is another one or the new generation is behind.
local guard = redis.call('HMGET', KEYS[1], 'term', 'nonce', 'generation', 'open')
if guard[1] ~= ARGV[1] or guard[2] ~= ARGV[2] then
  return 0
elseif guard[3] == ARGV[3] and guard[4] then
  return 1
elseif guard[3] and guard[3] ~= ARGV[4] then
  return 0
end
if ARGV[3] ~= ARGV[4] then
  local reached = {}
  for at = 5, #ARGV, 2 do
    reached[ARGV[at]] = tonumber(ARGV[at + 1])
  end
  local epochs = redis.call('HGETALL', KEYS[2])
  for i = 1, #epochs, 2 do
    local last = redis.call('HGET', KEYS[3], epochs[i] .. '-' .. epochs[i + 1])
    if last and tonumber(last) >= (reached[epochs[i]] or 0) then
      return 0
    end
  end
end
for _, member in ipairs(redis.call('SMEMBERS', KEYS[4])) do
  local cut = string.find(member, '\n', 1, true)
  take(string.sub(member, cut + 1), string.sub(member, 1, cut - 1))
end
redis.call('DEL', KEYS[4])
redis.call('HSET', KEYS[1], 'generation', ARGV[3], 'open', '1')
return 1
