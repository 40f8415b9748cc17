-- What the scripts share. Amounts are decimal texts of 64-bit integers: Lua's
-- numbers are exact up to 2^53 only. They are compared in two limbs, the upper one
-- in units of 10^9, each far below 2^53; sums in Redis change by HINCRBY alone.

local LIMB = 1000000000

local function limbs(text)
  local sign, digits = 1, text
  if string.sub(text, 1, 1) == '-' then
    sign, digits = -1, string.sub(text, 2)
  end
  if #digits <= 9 then
    return 0, sign * tonumber(digits, 10)
  end
  return sign * tonumber(string.sub(digits, 1, #digits - 9), 10), sign * tonumber(string.sub(digits, -9), 10)
end

-- normal brings the lower limb into 0 <= low < LIMB.
local function normal(high, low)
  local carry = math.floor(low / LIMB)
  return high + carry, low - carry * LIMB
end

local function less(high, low, than_high, than_low)
  return high < than_high or (high == than_high and low < than_low)
end

-- decimal writes a normal amount that is not negative.
local function decimal(high, low)
  if high == 0 then
    return string.format('%.0f', low)
  end
  return string.format('%.0f%09.0f', high, low)
end

-- Reservations of a budget are a hash: request id → 'N', what is reserved, or
-- 'sN', what the call has cost; 'total' is the sum of all, 'settled' that of the
-- second kind.

local function entry_amount(entry)
  if string.sub(entry, 1, 1) == 's' then
    return string.sub(entry, 2), true
  end
  return entry, false
end

-- change adds an amount to a sum; false when the sum would pass 64 bits.
local function change(key, field, sign, amount)
  if amount == '0' then
    return true
  end
  return type(redis.pcall('HINCRBY', key, field, sign .. amount)) ~= 'table'
end

-- subtract takes an entry out of the sums.
local function subtract(key, entry)
  local amount, settled = entry_amount(entry)
  change(key, 'total', '-', amount)
  if settled then
    change(key, 'settled', '-', amount)
  end
end

-- take ends a reservation.
local function take(key, id)
  local entry = redis.call('HGET', key, id)
  if not entry then
    return
  end
  subtract(key, entry)
  redis.call('HDEL', key, id)
  if redis.call('HLEN', key) <= redis.call('HEXISTS', key, 'total') + redis.call('HEXISTS', key, 'settled') then
    redis.call('DEL', key)
  end
end

-- put makes a reservation what entry says.
local function put(key, id, entry, expires)
  local before = redis.call('HGET', key, id)
  if before == entry then
    return
  end
  local amount, settled = entry_amount(entry)
  if not change(key, 'total', '', amount) then
    return
  end
  if settled then
    change(key, 'settled', '', amount)
  end
  if before then
    subtract(key, before)
  end
  redis.call('HSET', key, id, entry)
  if expires ~= '0' then
    redis.call('EXPIREAT', key, expires)
  end
end

-- finish ends a reservation whose usage a generation's sums hold. Gateways count
-- by the sums of one generation: another one only notes that it is ahead, and
-- adopt.lua ends what was noted when it comes to be the one.
local function finish(owns, noted, key, id)
  if owns then
    take(key, id)
  elseif redis.call('HEXISTS', key, id) == 1 then
    redis.call('SADD', noted, id .. '\n' .. key)
  end
end
