-- One line that is the same for two tables that hold the same rows.
SELECT count(), sum(cost_usd), sum(input_tokens + cached_input_tokens + output_tokens), sum(cityHash64(*))
FROM {table}
