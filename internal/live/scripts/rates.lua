-- Takes from rate limits by the generic cell rate algorithm, from all of them or
-- from none. gcra.go says what is reckoned here.
--
-- KEYS  the limits' states
-- ARGV  "take" or "adjust"; then for each key: the limit a minute, how much
-- Returns for each key what remains, the microseconds until all of it does, and
-- those until the call would have passed, 0 when it does.
local minute = 60000000
local time = redis.call('TIME')
local now = time[1] * 1000000 + time[2]
local adjust = ARGV[1] == 'adjust'
local states, waits, pass = {}, {}, true
for i = 1, #KEYS do
  local limit, n = tonumber(ARGV[2 * i]), tonumber(ARGV[2 * i + 1])
  local state = tonumber(redis.call('GET', KEYS[i]) or 0)
  if adjust and n < 0 then
    states[i] = state - math.floor(-n * minute / limit)
  else
    if not adjust then
      n = math.min(n, limit)
    end
    states[i] = math.max(state, now) + math.ceil(n * minute / limit)
  end
  waits[i] = 0
  if not adjust then
    waits[i] = math.max(0, states[i] - now - minute)
    pass = pass and waits[i] == 0
  end
end
local reply = {}
for i = 1, #KEYS do
  local limit = tonumber(ARGV[2 * i])
  local state = states[i]
  if not pass then
    state = tonumber(redis.call('GET', KEYS[i]) or 0)
  elseif state <= now then
    redis.call('DEL', KEYS[i])
  else
    redis.call('SET', KEYS[i], string.format('%.0f', state), 'PX', string.format('%.0f', math.ceil((state - now) / 1000)))
  end
  local used = math.max(0, state - now)
  reply[3 * i - 2] = math.max(0, math.floor((minute - used) * limit / minute))
  reply[3 * i - 1] = used
  reply[3 * i] = waits[i]
end
return reply
