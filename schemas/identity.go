package schemas

import "fmt"

// Event is what the events of the log have in common.
type Event interface {
	GetRequestId() string
	GetNode() string
	GetSeq() uint64
}

// CheckIdentity tells why an event cannot be taken for the record that it came
// in: it names no call, or it is not what the record's headers say it is. Every
// reader asks, so that none counts an event that another one calls dead.
func CheckIdentity(e Event, requestID, node string, seq uint64) error {
	switch {
	case e.GetRequestId() == "":
		return fmt.Errorf("request_id is empty")
	case e.GetRequestId() != requestID:
		return fmt.Errorf("request_id is %q, the header says %q", e.GetRequestId(), requestID)
	case e.GetNode() != node:
		return fmt.Errorf("node is %q, the header says %q", e.GetNode(), node)
	case e.GetSeq() != seq:
		return fmt.Errorf("seq is %d, the header says %d", e.GetSeq(), seq)
	}
	return nil
}
