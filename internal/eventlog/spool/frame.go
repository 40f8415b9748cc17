package spool

import (
	"encoding/binary"
	"errors"
	"hash/crc32"
	"io"
)

// A segment begins with an 8-byte magic and holds frames of
//
//	length  uint32, little endian: bytes of the payload
//	crc     uint32, little endian: CRC-32C of length and payload
//	payload
//
// one after the other. A length of zero ends a segment: allocated, unwritten space.
const (
	magic      = "WEIRSP\x00\x01"
	headerSize = int64(len(magic))
	prefixSize = 8
	maxPayload = 1 << 30 // far above a snapshot of as many open calls as a gateway can hold
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

func header() []byte { return []byte(magic) }

// errTorn means that the bytes at a position are not a whole frame.
var errTorn = errors.New("torn or damaged frame")

// BeginFrame returns b with room for a frame's prefix; the payload is appended
// to it and EndFrame completes it.
func BeginFrame(b []byte) []byte {
	return append(b[:0], 0, 0, 0, 0, 0, 0, 0, 0)
}

// EndFrame fills in the prefix of the frame that began with BeginFrame.
func EndFrame(b []byte) []byte {
	binary.LittleEndian.PutUint32(b, uint32(len(b)-prefixSize))
	binary.LittleEndian.PutUint32(b[4:], checksum(b[:4], b[prefixSize:]))
	return b
}

func checksum(length, payload []byte) uint32 {
	return crc32.Update(crc32.Checksum(length, castagnoli), castagnoli, payload)
}

func frameSize(b []byte) int64 { return int64(len(b)) }

// readFrame reads the frame at off, growing buf as needed. io.EOF is the end of
// the written part, errTorn anything that is not a frame.
func readFrame(r io.ReaderAt, off, limit int64, buf []byte) (payload []byte, next int64, err error) {
	if off == limit {
		return nil, off, io.EOF
	}
	var prefix [prefixSize]byte
	if off+prefixSize > limit {
		return nil, off, errTorn
	}
	if _, err := r.ReadAt(prefix[:], off); err != nil {
		return nil, off, err
	}
	n := int64(binary.LittleEndian.Uint32(prefix[:]))
	if n == 0 || n > maxPayload || off+prefixSize+n > limit {
		return nil, off, errTorn
	}
	if int64(cap(buf)) < n {
		buf = make([]byte, n, n+n/4)
	}
	buf = buf[:n]
	if _, err := r.ReadAt(buf, off+prefixSize); err != nil {
		return nil, off, err
	}
	if checksum(prefix[:4], buf) != binary.LittleEndian.Uint32(prefix[4:]) {
		return nil, off, errTorn
	}
	return buf, off + prefixSize + n, nil
}
