-- What does each user cost, by feature? `feature` is an entry of the call's `extra`.
SELECT user_id, extra['feature'] AS feature, sum(u.cost_usd) AS cost_usd, count() AS calls
FROM usage AS u
WHERE occurred_at >= now('UTC') - INTERVAL 30 DAY
GROUP BY user_id, feature
ORDER BY cost_usd DESC, calls DESC, user_id
LIMIT 50
