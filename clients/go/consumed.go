package sidecommit

import (
	"time"

	pb "sidecommit.dev/go/sidecommitv1"
)

// ConsumedRecord is a record that was read.
type ConsumedRecord struct {
	Topic     string
	Partition int32
	Offset    int64
	// Timestamp is to the millisecond; zero: it has none.
	Timestamp time.Time
	// Key, nil: none. Value, nil: a tombstone.
	Key, Value []byte
	Headers    []Header
	// Attempt is 1 for the first, and one more for each attempt of it that failed, alone or with its delivery.
	Attempt int
	// IdempotencyKey names the record for ever, for effects outside Kafka; at most 128 characters.
	IdempotencyKey string
}

// Time stamps of records without one.
const noTimestamp = -1

func fromDelivery(d *pb.Delivery) []ConsumedRecord {
	out := make([]ConsumedRecord, len(d.GetRecords()))
	for i, r := range d.GetRecords() {
		out[i] = ConsumedRecord{
			Topic:          d.GetTopic(),
			Partition:      d.GetPartition(),
			Offset:         r.GetOffset(),
			Key:            r.Key,
			Value:          r.Value,
			Attempt:        int(r.GetAttempt()),
			IdempotencyKey: r.GetIdempotencyKey(),
		}
		if r.GetTimestampMs() != noTimestamp {
			out[i].Timestamp = time.UnixMilli(r.GetTimestampMs())
		}
		for _, h := range r.GetHeaders() {
			out[i].Headers = append(out[i].Headers, Header{Name: h.GetName(), Value: h.Value})
		}
	}
	return out
}
