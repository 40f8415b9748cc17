package converse

import (
	"encoding/binary"
	"hash/crc32"
)

// stringHeader is the kind of a header whose value is a text.
const stringHeader = 7

// frame is one message of an AWS event stream: the lengths of the whole and of the headers, a checksum of
// those, the headers, the payload, and a checksum of all before it.
func frame(headers [][2]string, payload []byte) []byte {
	var head []byte
	for _, h := range headers {
		head = append(head, byte(len(h[0])))
		head = append(head, h[0]...)
		head = append(head, stringHeader)
		head = binary.BigEndian.AppendUint16(head, uint16(len(h[1])))
		head = append(head, h[1]...)
	}
	const around = 16 // three fields in front, one behind
	b := binary.BigEndian.AppendUint32(nil, uint32(around+len(head)+len(payload)))
	b = binary.BigEndian.AppendUint32(b, uint32(len(head)))
	b = binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
	b = append(b, head...)
	b = append(b, payload...)
	return binary.BigEndian.AppendUint32(b, crc32.ChecksumIEEE(b))
}

// event is a frame of a named event.
func event(name string, payload []byte) []byte {
	return frame([][2]string{{":event-type", name}, {":content-type", "application/json"}, {":message-type", "event"}}, payload)
}

// exceptionFrame is a frame that ends a stream badly.
func exceptionFrame(name string, payload []byte) []byte {
	return frame([][2]string{{":exception-type", name}, {":content-type", "application/json"}, {":message-type", "exception"}}, payload)
}
