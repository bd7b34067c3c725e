package sidecommit

import (
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/protobuf/encoding/protowire"
)

// Records are encoded when they are produced, into the message that they will be sent in: their bytes are copied once, their
// buffers are the caller's again, and what waits for its acknowledgement is one slice a message. The fields are those of
// ProduceStreamRequest, Record and Header in the proto files; wire_test.go compares with the generated code.

// recordSize is how many bytes appendRecord adds at most.
func recordSize(r *Record) int {
	return protowire.SizeTag(3) + protowire.SizeBytes(recordBody(r))
}

func recordBody(r *Record) int {
	n := 1 + protowire.SizeBytes(len(r.Topic))
	if r.Partition != nil {
		n += 1 + protowire.SizeVarint(uint64(int64(*r.Partition)))
	}
	if r.Key != nil {
		n += 1 + protowire.SizeBytes(len(r.Key))
	}
	if r.Value != nil {
		n += 1 + protowire.SizeBytes(len(r.Value))
	}
	for i := range r.Headers {
		n += 1 + protowire.SizeBytes(headerBody(&r.Headers[i]))
	}
	if !r.Timestamp.IsZero() {
		n += 1 + protowire.SizeVarint(uint64(r.Timestamp.UnixMilli()))
	}
	return n
}

func headerBody(h *Header) int {
	n := 1 + protowire.SizeBytes(len(h.Name))
	if h.Value != nil {
		n += 1 + protowire.SizeBytes(len(h.Value))
	}
	return n
}

// appendRecord adds the record as a field of ProduceStreamRequest.
func appendRecord(b []byte, r *Record) []byte {
	b = protowire.AppendTag(b, 3, protowire.BytesType)
	b = protowire.AppendVarint(b, uint64(recordBody(r)))
	b = appendText(b, 1, r.Topic)
	if r.Partition != nil {
		b = appendNumber(b, 2, int64(*r.Partition))
	}
	b = appendBytes(b, 3, r.Key)
	b = appendBytes(b, 4, r.Value)
	for i := range r.Headers {
		h := &r.Headers[i]
		b = protowire.AppendTag(b, 5, protowire.BytesType)
		b = protowire.AppendVarint(b, uint64(headerBody(h)))
		b = appendText(b, 1, h.Name)
		b = appendBytes(b, 2, h.Value)
	}
	if !r.Timestamp.IsZero() {
		b = appendNumber(b, 6, r.Timestamp.UnixMilli())
	}
	return b
}

// appendPlace adds what comes before the records in a ProduceStreamRequest.
func appendPlace(b []byte, transactionID string, sequence int64) []byte {
	return appendNumber(appendText(b, 1, transactionID), 2, sequence)
}

func appendText(b []byte, field protowire.Number, text string) []byte {
	return protowire.AppendString(protowire.AppendTag(b, field, protowire.BytesType), text)
}

// appendBytes adds nothing for nil, which is absent.
func appendBytes(b []byte, field protowire.Number, v []byte) []byte {
	if v == nil {
		return b
	}
	return protowire.AppendBytes(protowire.AppendTag(b, field, protowire.BytesType), v)
}

func appendNumber(b []byte, field protowire.Number, n int64) []byte {
	return protowire.AppendVarint(protowire.AppendTag(b, field, protowire.VarintType), uint64(n))
}

// encoded is a message that is encoded already, in parts.
type encoded [2][]byte

// encodedCodec is gRPC's for protobuf, but for messages that are encoded already.
type encodedCodec struct{ encoding.CodecV2 }

var produceCodec = encodedCodec{encoding.GetCodecV2(proto.Name)}

func (c encodedCodec) Marshal(v any) (mem.BufferSlice, error) {
	if parts, ok := v.(*encoded); ok {
		return mem.BufferSlice{mem.SliceBuffer(parts[0]), mem.SliceBuffer(parts[1])}, nil
	}
	return c.CodecV2.Marshal(v)
}
