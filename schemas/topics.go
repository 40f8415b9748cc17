package schemas

// Topic is a Kafka topic of Weir's log.
type Topic string

// The topics. Records of all but TopicControl are keyed by request_id and
// carry the headers below.
const (
	TopicRequests  Topic = "weir.requests"
	TopicResponses Topic = "weir.responses"
	TopicUsage     Topic = "weir.usage"
	TopicPayloads  Topic = "weir.payloads"
	TopicDead      Topic = "weir.dead"
	TopicControl   Topic = "weir.control"
)

// EventTopics are the topics that gateways write events to, in the order of
// their one-byte code in a spool record: the code is the index plus one, so the
// list only grows at its end.
func EventTopics() []Topic {
	return []Topic{TopicRequests, TopicResponses, TopicUsage, TopicPayloads}
}

// Ledger tells whether the topic's events take a number of their node's seq,
// which has no holes over all ledger topics together.
func (t Topic) Ledger() bool {
	return t == TopicRequests || t == TopicResponses || t == TopicUsage
}

// Headers of every event record. They repeat what the event says, so that a
// record that cannot be decoded can still be accounted for. Seq is decimal.
const (
	HeaderRequestID = "request_id"
	HeaderNode      = "node"
	HeaderSeq       = "seq"
)

// Error kinds that outcomes carry in error_kind beside OpenAI's own error
// types; "" is a success.
const (
	ErrorKindAbandoned = "abandoned" // the gateway died in mid-call
)
