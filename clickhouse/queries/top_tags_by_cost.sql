-- Which tags cost the most this week? A call counts in full under each of its tags.
SELECT tag, sum(t.cost_usd) AS cost_usd, sum(t.requests) AS requests
FROM spend_by_tag_1d AS t
WHERE day > toDate(now('UTC')) - 7
GROUP BY tag
ORDER BY cost_usd DESC
LIMIT 20
