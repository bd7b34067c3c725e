package main

import (
	"encoding/binary"
	"errors"
	"fmt"

	sidecommit "sidecommit.dev/go"
)

// framed puts the frame of the schema registry around another codec's bytes: a zero byte, the schema's id as 4 bytes in network order, and
// for Protobuf which message of the schema it is.
type framed[T any] struct {
	// id is what the registry answered when the schema was registered.
	id uint32
	// message is the path to the message in a Protobuf schema: {0} is its first, {1, 0} the first within its second. nil for schemas that
	// are not Protobuf.
	message []int64
	inner   sidecommit.Codec[T]
}

const magic = 0

// Encode frames the value's bytes.
func (f framed[T]) Encode(value T) ([]byte, error) {
	data, err := f.inner.Encode(value)
	if err != nil {
		return nil, err
	}
	frame := binary.BigEndian.AppendUint32([]byte{magic}, f.id)
	return append(appendPath(frame, f.message), data...), nil
}

// Decode refuses what has another schema: what that is the registry knows.
func (f framed[T]) Decode(data []byte) (value T, err error) {
	if len(data) < 5 || data[0] != magic {
		return value, errors.New("not in the schema registry's format")
	}
	if id := binary.BigEndian.Uint32(data[1:]); id != f.id {
		return value, fmt.Errorf("the schema's id is %d, want %d", id, f.id)
	}
	rest := data[5:]
	if f.message != nil {
		if rest, err = cutPath(rest, f.message); err != nil {
			return value, err
		}
	}
	return f.inner.Decode(rest)
}

// appendPath adds the path's length and its indexes, all as zigzag varints; {0}, the usual one, is a zero byte instead.
func appendPath(frame []byte, path []int64) []byte {
	if path == nil {
		return frame
	}
	if len(path) == 1 && path[0] == 0 {
		return append(frame, 0)
	}
	frame = binary.AppendVarint(frame, int64(len(path)))
	for _, index := range path {
		frame = binary.AppendVarint(frame, index)
	}
	return frame
}

// cutPath takes the path off, if it is that one.
func cutPath(data []byte, path []int64) ([]byte, error) {
	want := appendPath(nil, path)
	if len(data) < len(want) || string(data[:len(want)]) != string(want) {
		return nil, fmt.Errorf("not the schema's message %v", path)
	}
	return data[len(want):], nil
}
