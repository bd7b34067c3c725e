package sidecommit

import (
	"time"

	pb "sidecommit.dev/go/sidecommitv1"
)

// Record is a record to be written.
type Record struct {
	// Topic exists; topics are never created on the way.
	Topic string
	// Partition, nil: the key chooses as in Kafka's Java producer (without a key any). See [Partition].
	Partition *int32
	// Key, nil: none, which is not an empty one.
	Key []byte
	// Value, nil: a tombstone, which is not an empty one.
	Value []byte
	// Headers are in order; names may repeat.
	Headers []Header
	// Timestamp is kept to the millisecond. Zero: when the sidecar accepts the record.
	Timestamp time.Time
}

// Header is a header of a record. A nil value is Kafka's null.
type Header struct {
	Name  string
	Value []byte
}

// Partition is for [Record].Partition.
func Partition(n int32) *int32 { return &n }

// Offset is where a group goes on reading a partition: the offset of its last processed record plus 1.
type Offset struct {
	Topic     string
	Partition int32
	Offset    int64
	// Metadata is kept with it; at most 4096 bytes.
	Metadata string
}

// GroupOffsets are offsets of the application's own consumer, to be committed with a transaction. It must read read_committed and
// must not commit by itself.
type GroupOffsets struct {
	// Group is its group.id.
	Group string
	// MemberID and Generation fence a member that lost its partitions; both absent: manual assignment.
	MemberID   string
	Generation *int32
	// GroupInstanceID is for static members.
	GroupInstanceID string
	// Offsets, at most one for each partition.
	Offsets []Offset
}

// Range says where a transaction's records of one partition are. Records of others may lie between.
type Range struct {
	Topic     string
	Partition int32
	// FirstOffset and LastOffset are -1 if the broker did not tell.
	FirstOffset, LastOffset int64
	// Count of the transaction's records here.
	Count int64
}

// Committed is a committed transaction.
type Committed struct {
	TransactionID string
	// Ranges are sorted by topic and partition; empty without records, or if only the fact is known (the sidecar's journal was lost).
	Ranges []Range
}

// Count is the number of its records.
func (c Committed) Count() int64 {
	var n int64
	for _, r := range c.Ranges {
		n += r.Count
	}
	return n
}

func toRecord(r *Record) *pb.Record {
	out := &pb.Record{Topic: r.Topic, Partition: r.Partition, Key: r.Key, Value: r.Value}
	if len(r.Headers) > 0 {
		headers := make([]pb.Header, len(r.Headers))
		out.Headers = make([]*pb.Header, len(r.Headers))
		for i, h := range r.Headers {
			headers[i].Name, headers[i].Value = h.Name, h.Value
			out.Headers[i] = &headers[i]
		}
	}
	if !r.Timestamp.IsZero() {
		ms := r.Timestamp.UnixMilli()
		out.TimestampMs = &ms
	}
	return out
}

func toRecords(records []Record) []*pb.Record {
	out := make([]*pb.Record, len(records))
	for i := range records {
		out[i] = toRecord(&records[i])
	}
	return out
}

func toGroupOffsets(g *GroupOffsets) *pb.GroupOffsets {
	out := &pb.GroupOffsets{
		GroupId:         g.Group,
		MemberId:        g.MemberID,
		GenerationId:    g.Generation,
		GroupInstanceId: g.GroupInstanceID,
	}
	for _, o := range g.Offsets {
		out.Offsets = append(out.Offsets, &pb.TopicPartitionOffset{
			Topic: o.Topic, Partition: o.Partition, Offset: o.Offset, Metadata: o.Metadata,
		})
	}
	return out
}

func fromRanges(ranges []*pb.PartitionRange) []Range {
	out := make([]Range, len(ranges))
	for i, r := range ranges {
		out[i] = Range{
			Topic:       r.GetTopic(),
			Partition:   r.GetPartition(),
			FirstOffset: r.GetFirstOffset(),
			LastOffset:  r.GetLastOffset(),
			Count:       r.GetCount(),
		}
	}
	return out
}
