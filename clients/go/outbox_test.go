package sidecommit

import (
	"bytes"
	"testing"

	"google.golang.org/protobuf/proto"

	pb "sidecommit.dev/go/sidecommitv1"
)

func fill(o *outbox, n, size int) {
	for range n {
		o.add(&Record{Topic: "t", Value: make([]byte, size)})
	}
}

// firsts takes all that is ready: the sequences of the messages.
func firsts(o *outbox) []int64 {
	var out []int64
	for o.ready() {
		first, _ := o.take()
		out = append(out, first)
	}
	return out
}

func expectFirsts(t *testing.T, o *outbox, want ...int64) {
	t.Helper()
	got := firsts(o)
	if len(got) != len(want) {
		t.Fatalf("messages begin with %v, want %v", got, want)
	}
	for i := range got {
		if got[i] != want[i] {
			t.Fatalf("messages begin with %v, want %v", got, want)
		}
	}
}

func TestMessagesEndAt500Records(t *testing.T) {
	var o outbox
	fill(&o, 1250, 10)
	expectFirsts(t, &o, 0, 500)
	o.seal()
	expectFirsts(t, &o, 1000)
}

func TestMessagesEndAt256KiB(t *testing.T) {
	var o outbox
	fill(&o, 6, 100<<10)
	o.seal()
	for o.ready() {
		if _, data := o.take(); len(data) > messageBytes {
			t.Errorf("a message has %d bytes", len(data))
		}
	}
	if len(o.queue) != 3 {
		t.Errorf("%d messages, want 3", len(o.queue))
	}
}

func TestALargeRecordGoesAlone(t *testing.T) {
	var o outbox
	fill(&o, 1, 10)
	fill(&o, 1, 2*messageBytes)
	fill(&o, 1, 10)
	o.seal()
	expectFirsts(t, &o, 0, 1, 2)
}

func TestWindowIsFullAt5000Records(t *testing.T) {
	var o outbox
	fill(&o, windowRecords-1, 1)
	if o.full() {
		t.Error("full too early")
	}
	fill(&o, 1, 1)
	if !o.full() {
		t.Error("not full")
	}
	firsts(&o)
	o.ack(500)
	if o.full() {
		t.Error("full after an acknowledgement")
	}
}

func TestWindowIsFullAt4MiB(t *testing.T) {
	var o outbox
	n := 0
	for ; !o.full(); n++ {
		fill(&o, 1, 64<<10)
	}
	if n != 64 {
		t.Errorf("full after %d records of 64 KiB", n)
	}
	firsts(&o)
	o.ack(int64(n) - 1)
	if o.bytes > messageBytes {
		t.Errorf("%d bytes are unacknowledged", o.bytes)
	}
}

func TestWhatIsNotAcknowledgedIsSentAgain(t *testing.T) {
	var o outbox
	fill(&o, 1500, 10)
	expectFirsts(t, &o, 0, 500, 1000)
	o.ack(700)
	if !o.rewind(-1) {
		t.Fatal("nothing to send again")
	}
	expectFirsts(t, &o, 500, 1000)
	o.ack(1500)
	if !o.settled() || len(o.queue) != 0 || o.bytes != 0 {
		t.Errorf("something is left: %+v", o)
	}
}

func TestTheSidecarSaysWhereToGoOn(t *testing.T) {
	var o outbox
	fill(&o, 1500, 10)
	firsts(&o)
	if !o.rewind(1000) {
		t.Fatal("1000 is not there")
	}
	expectFirsts(t, &o, 1000)
	if o.rewind(900) {
		t.Error("900 was acknowledged and is not there any more")
	}
}

func TestAnAcknowledgementOfTheOldStreamMovesTheNewOne(t *testing.T) {
	var o outbox
	fill(&o, 1500, 10)
	firsts(&o)
	o.rewind(-1)
	o.take()
	o.ack(1000)
	expectFirsts(t, &o, 1000)
}

func TestBuffersAreTheCallersAgain(t *testing.T) {
	var o outbox
	value := []byte("before")
	o.add(&Record{Topic: "t", Value: value})
	copy(value, "behind")
	o.seal()
	_, data := o.take()
	var read pb.ProduceStreamRequest
	if err := proto.Unmarshal(data, &read); err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(read.Records[0].Value, []byte("before")) {
		t.Errorf("read %q", read.Records[0].Value)
	}
}

func BenchmarkProduce(b *testing.B) {
	var o outbox
	record := Record{Topic: "topic", Value: make([]byte, 1000)}
	b.SetBytes(1000)
	b.ReportAllocs()
	for b.Loop() {
		o.add(&record)
		if o.full() {
			firsts(&o)
			o.ack(o.next)
		}
	}
}
