package sidecommit

import (
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	pb "sidecommit.dev/go/sidecommitv1"
)

// Records of all shapes.
var shapes = []Record{
	{Topic: "t"},
	{Topic: "t", Key: []byte{}, Value: []byte{}},
	{Topic: "t", Key: []byte("key"), Value: make([]byte, 300), Partition: Partition(0)},
	{Topic: "t", Partition: Partition(-1), Timestamp: time.UnixMilli(0)},
	{Topic: "t", Partition: Partition(1 << 30), Timestamp: time.UnixMilli(-5)},
	{Topic: "täglich", Headers: []Header{{"h", []byte("v")}, {"null", nil}, {"empty", []byte{}}, {"h", make([]byte, 200)}}},
	{},
}

func TestEncodedRecordsAreWhatTheGeneratedCodeReads(t *testing.T) {
	data := appendPlace(nil, "tx-1", 300)
	for i := range shapes {
		before := len(data)
		data = appendRecord(data, &shapes[i])
		if got := len(data) - before; got != recordSize(&shapes[i]) {
			t.Errorf("record %d has %d bytes, its size is %d", i, got, recordSize(&shapes[i]))
		}
	}
	var read pb.ProduceStreamRequest
	if err := proto.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	want := &pb.ProduceStreamRequest{TransactionId: "tx-1", Sequence: 300, Records: toRecords(shapes)}
	if !proto.Equal(&read, want) {
		t.Errorf("read %v, want %v", &read, want)
	}
	if len(read.ProtoReflect().GetUnknown()) > 0 {
		t.Error("there are unknown fields")
	}
}

func TestCodecLeavesOtherMessagesToProtobuf(t *testing.T) {
	message := &pb.ProduceStreamRequest{TransactionId: "tx-1"}
	for _, v := range []any{message, &encoded{appendText(nil, 1, "tx-1"), nil}} {
		data, err := produceCodec.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		var read pb.ProduceStreamRequest
		if err := proto.Unmarshal(data.Materialize(), &read); err != nil {
			t.Fatal(err)
		}
		if !proto.Equal(&read, message) {
			t.Errorf("%T: read %v", v, &read)
		}
	}
}
