// Package transferpb has the Protobuf message that the examples write, and a codec for any such message.
package transferpb

import "google.golang.org/protobuf/proto"

// Codec is a sidecommit.Codec of Protobuf messages: Codec[Transfer, *Transfer]{}.
type Codec[T any, M interface {
	*T
	proto.Message
}] struct{}

// Encode returns the message's bytes, the same for the same message: Transact compares content by its bytes.
func (Codec[T, M]) Encode(message M) ([]byte, error) {
	// An empty message has no bytes, which is not the tombstone that nil is.
	return proto.MarshalOptions{Deterministic: true}.MarshalAppend([]byte{}, message)
}

// Decode reads a message.
func (Codec[T, M]) Decode(data []byte) (M, error) {
	message := M(new(T))
	return message, proto.Unmarshal(data, message)
}
