package schemas

import "strconv"

// GroupIngest is ingest's consumer group. Consumer groups stand in deduplication
// tokens: under another name everything would be written a second time.
const GroupIngest = "weir-ingest"

// GroupAggregator is the aggregator's consumer group of a generation of the
// rollups, from 1.
func GroupAggregator(generation int) string {
	const group = "weir-aggregator"
	if generation == 1 {
		return group
	}
	return group + "-" + strconv.Itoa(generation)
}
