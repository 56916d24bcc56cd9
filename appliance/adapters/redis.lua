-- name: count
-- Adds counts to counters and moves the cursor from where it is expected, all of it or nothing.
-- KEYS: the mirror's state, the counters. ARGV: cursor expected ('' = none), cursor to be, event types of the counters
-- of users with blanks between, how many of the counters come first and live for ARGV[5] seconds, that, the lifetime
-- in seconds of the others, and the counts with blanks between.
-- Gives 'done', 'moved', or 'foreign' and the numbers of the keys that hold something else than a count.
local state = KEYS[1]
local stands = redis.call('HGET', state, 'cursor') or ''
if stands == ARGV[2] then
    return {'done'}
end
if stands ~= ARGV[1] then
    return {'moved'}
end
-- An error in the middle of a script takes nothing back: whatever could fail is looked at before the first write.
local foreign = {'foreign'}
local held = {}
for number = 2, #KEYS do
    local value = redis.pcall('GET', KEYS[number])
    if not value then
        held[number] = 0
    elseif type(value) == 'string' and #value <= 15 and string.find(value, '^%d+$') then
        held[number] = tonumber(value)
    else
        foreign[#foreign + 1] = number - 2
    end
end
if #foreign > 1 then
    return foreign
end
-- the first write is one that a full Redis refuses
redis.call('HSET', state, 'cursor', ARGV[2])
for name in string.gmatch(ARGV[3], '%S+') do
    redis.call('HSET', state, 'type:' .. name, 1)
end
local number = 2
local short = tonumber(ARGV[4]) + 1
for count in string.gmatch(ARGV[7], '%S+') do
    local value = string.format('%.0f', held[number] + tonumber(count))
    redis.call('SET', KEYS[number], value, 'EX', number <= short and ARGV[5] or ARGV[6])
    number = number + 1
end
return {'done'}

-- name: sweep
-- Removes counters that a mirror without a cursor left behind, as long as there is none. KEYS: the mirror's state, keys
-- that are named like counters. ARGV: the longest lifetime of a counter in milliseconds. Gives how many were removed.
if redis.call('EXISTS', KEYS[1]) == 1 then
    return 0
end
local removed = 0
for number = 2, #KEYS do
    local left = redis.call('PTTL', KEYS[number])
    local value = left > 0 and left <= tonumber(ARGV[1]) and redis.pcall('GET', KEYS[number])
    if type(value) == 'string' and string.find(value, '^%d+$') then
        removed = removed + redis.call('DEL', KEYS[number])
    end
end
return removed

-- name: probe
-- Does once to a key of its own what the others do, so that what isn't allowed shows before anything is half done.
redis.call('HSET', KEYS[1], 'cursor', '')
redis.call('HGET', KEYS[1], 'cursor')
redis.call('EXISTS', KEYS[1])
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[1], '1', 'EX', '60')
redis.call('GET', KEYS[1])
redis.call('PTTL', KEYS[1])
return redis.call('DEL', KEYS[1])
