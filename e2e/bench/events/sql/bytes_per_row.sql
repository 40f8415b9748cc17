SELECT round(sum(bytes_on_disk) / sum(rows), 1)
FROM system.parts
WHERE active AND database = 'weir' AND table = 'usage'
