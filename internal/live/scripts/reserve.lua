-- Reserves against all budgets of a call, or none of them.
--
-- KEYS  1: the organisation's guard; 2: its epochs; then for each budget its sum
--       and its reservations
-- ARGV  1: term; 2: generation; 3: request id; 4: the most and 5: the least that it
--       asks for; then for each budget its limit and when its reservations expire
--       (seconds since the epoch, 0 for never)
-- Returns {'admitted', amount}, {'busy', budget}, {'spent', budget}, {'closed'}
-- when Redis was lost and the organisation is not open again, or {'generation', n}
-- when the organisation counts by the sums of another one.
local guard = redis.call('HMGET', KEYS[1], 'term', 'open', 'generation')
if guard[1] ~= ARGV[1] or not guard[2] then
  return {'closed', ''}
elseif guard[3] ~= ARGV[2] then
  return {'generation', guard[3]}
end
local budgets = (#KEYS - 2) / 2
for i = 1, budgets do
  local entry = redis.call('HGET', KEYS[2 + 2 * i], ARGV[3])
  if entry then
    return {'admitted', (entry_amount(entry))}
  end
end

local fields = {}
local epochs = redis.call('HGETALL', KEYS[2])
for i = 1, #epochs, 2 do
  fields[#fields + 1] = epochs[i] .. '-' .. epochs[i + 1]
end
local grant_high, grant_low = normal(limbs(ARGV[4]))
local least_high, least_low = normal(limbs(ARGV[5]))
local busy = nil
for i = 1, budgets do
  local high, low = limbs(ARGV[4 + 2 * i])
  if #fields > 0 then
    for _, sum in ipairs(redis.call('HMGET', KEYS[1 + 2 * i], unpack(fields))) do
      if sum then
        local h, l = limbs(sum)
        high, low = high - h, low - l
      end
    end
  end
  local reserved = redis.call('HMGET', KEYS[2 + 2 * i], 'total', 'settled')
  local settled_high, settled_low = limbs(reserved[2] or '0')
  local left_high, left_low = normal(high - settled_high, low - settled_low)
  if less(left_high, left_low, least_high, least_low) then
    return {'spent', tostring(i - 1)}
  end
  local total_high, total_low = limbs(reserved[1] or '0')
  local room_high, room_low = normal(high - total_high, low - total_low)
  if less(room_high, room_low, least_high, least_low) then
    busy = busy or tostring(i - 1)
  end
  if less(room_high, room_low, grant_high, grant_low) then
    grant_high, grant_low = room_high, room_low
  end
end
if busy then
  return {'busy', busy}
end
local grant = decimal(grant_high, grant_low)
for i = 1, budgets do
  put(KEYS[2 + 2 * i], ARGV[3], grant, ARGV[5 + 2 * i])
end
return {'admitted', grant}
