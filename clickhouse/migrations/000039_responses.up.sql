-- Which of a call's attempts were on the caller's own key at the provider; rows of before say of none.
ALTER TABLE responses ADD COLUMN IF NOT EXISTS `attempts.byok` Array(Bool) DEFAULT arrayMap(s -> false, `attempts.status`) AFTER `attempts.upstream_id`
