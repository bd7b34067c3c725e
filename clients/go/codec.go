package sidecommit

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"unicode/utf8"
)

// Codec makes bytes of values, and values of bytes. [Text], [JSON] and [Bytes] are here; any other, e.g. of Protobuf, is two methods.
type Codec[T any] interface {
	Encode(value T) ([]byte, error)
	Decode(data []byte) (T, error)
}

// Bytes are as they are.
type Bytes struct{}

// Encode returns the value.
func (Bytes) Encode(value []byte) ([]byte, error) { return value, nil }

// Decode returns the data.
func (Bytes) Decode(data []byte) ([]byte, error) { return data, nil }

// Text is UTF-8.
type Text struct{}

// Encode returns the text's bytes.
func (Text) Encode(value string) ([]byte, error) { return []byte(value), nil }

// Decode refuses what is not UTF-8.
func (Text) Decode(data []byte) (string, error) {
	if !utf8.Valid(data) {
		return "", errors.New("the text is not UTF-8")
	}
	return string(data), nil
}

// JSON is as encoding/json has it.
type JSON[T any] struct{}

// Encode returns the value as JSON.
func (JSON[T]) Encode(value T) ([]byte, error) { return json.Marshal(value) }

// Decode reads JSON.
func (JSON[T]) Decode(data []byte) (T, error) {
	var value T
	err := json.Unmarshal(data, &value)
	return value, err
}

// Topic is a topic with types:
//
//	debits := sidecommit.Topic[string, Transfer]{"debits", sidecommit.Text{}, sidecommit.JSON[Transfer]{}}
type Topic[K, V any] struct {
	Name  string
	Key   Codec[K]
	Value Codec[V]
}

// Record is a record of the topic with this key and value.
func (t Topic[K, V]) Record(key K, value V) (Record, error) {
	k, err := t.Key.Encode(key)
	if err != nil {
		return Record{}, fmt.Errorf("key for %s: %w", t.Name, err)
	}
	v, err := t.Value.Encode(value)
	if err != nil {
		return Record{}, fmt.Errorf("value for %s: %w", t.Name, err)
	}
	return Record{Topic: t.Name, Key: k, Value: v}, nil
}

// Handler decodes records for a handler. What cannot be decoded never will be: it is rejected, see [Reject]. An absent key or value is
// not decoded: it is the zero value, and nil in the record.
func (t Topic[K, V]) Handler(handle func(ctx context.Context, in ConsumedRecord, key K, value V) ([]Record, error)) Handler {
	return func(ctx context.Context, in ConsumedRecord) ([]Record, error) {
		key, err := decode(t.Key, in.Key)
		if err != nil {
			return nil, Reject(fmt.Errorf("key of %s[%d]@%d: %w", in.Topic, in.Partition, in.Offset, err))
		}
		value, err := decode(t.Value, in.Value)
		if err != nil {
			return nil, Reject(fmt.Errorf("value of %s[%d]@%d: %w", in.Topic, in.Partition, in.Offset, err))
		}
		return handle(ctx, in, key, value)
	}
}

func decode[T any](codec Codec[T], data []byte) (value T, err error) {
	if data == nil {
		return value, nil
	}
	return codec.Decode(data)
}
