-- Brings what a gateway knows of its calls to the reservations of one
-- organisation: what each still reserves, or has cost. Calls whose usage the sums
-- hold have none.
--
-- KEYS  1: the guard; 2: the epochs; 3: the numbers; 4…: the reservations
-- ARGV  1: generation; 2: term; 3: node
--       then for each call: request id; entry; 1 when Redis had it in this term;
--       its partition; the number of its usage (0 for none yet); how many budgets,
--       and of each its place in KEYS and when it expires
-- Returns for each call 1 when it is still reserved, else 0; nothing when the
-- organisation counts by another generation.
--
-- A call without the number of its usage, which Redis had in this term and has no
-- more, was ended by its usage.
local guard = redis.call('HMGET', KEYS[1], 'term', 'open', 'generation')
if guard[3] and guard[3] ~= ARGV[1] then
  return {}
end
local whole = guard[1] == ARGV[2] and guard[2]
local replies, at = {}, 4
while at <= #ARGV do
  local id, entry, had, partition, number, budgets =
    ARGV[at], ARGV[at + 1], ARGV[at + 2] == '1', ARGV[at + 3], ARGV[at + 4], tonumber(ARGV[at + 5])
  at = at + 6
  local ended = false
  if number ~= '0' then
    local epoch = redis.call('HGET', KEYS[2], partition)
    local newest = epoch and redis.call('HGET', KEYS[3], partition .. '-' .. epoch .. ':' .. ARGV[3])
    ended = newest and tonumber(newest) >= tonumber(number)
  end
  for i = 1, budgets do
    local key, expires = KEYS[tonumber(ARGV[at])], ARGV[at + 1]
    at = at + 2
    if ended then
      take(key, id)
    elseif number == '0' and had and whole and redis.call('HEXISTS', key, id) == 0 then
      ended = true
    else
      put(key, id, entry, expires)
    end
  end
  replies[#replies + 1] = ended and 0 or 1
end
return replies
