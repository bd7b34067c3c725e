package sidecommit

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	pb "sidecommit.dev/go/sidecommitv1"
)

// breaking is a sidecar whose streams break after a few messages, some of them unacknowledged.
type breaking struct {
	pb.UnimplementedTransactionServiceServer
	mu      sync.Mutex
	values  []string
	streams int
	// refuse ends each stream; nil: they break.
	refuse error
}

func (b *breaking) ProduceStream(stream pb.TransactionService_ProduceStreamServer) error {
	b.mu.Lock()
	b.streams++
	lives := b.streams
	b.mu.Unlock()
	for n := 0; ; n++ {
		message, err := stream.Recv()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if b.refuse != nil {
			return b.refuse
		}
		next, err := b.accept(message)
		if err != nil {
			return err
		}
		if n == lives {
			return status.Error(codes.Unavailable, "broken")
		}
		if n%2 == 0 {
			if err := stream.Send(&pb.ProduceStreamResponse{NextSequence: next}); err != nil {
				return err
			}
		}
	}
}

// accept takes each index once.
func (b *breaking) accept(message *pb.ProduceStreamRequest) (int64, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	have := int64(len(b.values))
	if message.Sequence > have {
		return 0, status.Errorf(codes.FailedPrecondition, "sequence %d, want %d", message.Sequence, have)
	}
	for i, r := range message.Records {
		if message.Sequence+int64(i) >= have {
			b.values = append(b.values, string(r.Value))
		}
	}
	return int64(len(b.values)), nil
}

func connected(t *testing.T, sidecar pb.TransactionServiceServer) pb.TransactionServiceClient {
	t.Helper()
	socket := filepath.Join(t.TempDir(), "s")
	listener, err := net.Listen("unix", socket)
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	pb.RegisterTransactionServiceServer(server, sidecar)
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	connection, err := grpc.NewClient("unix:"+socket, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	return pb.NewTransactionServiceClient(connection)
}

func TestRecordsComeOnceAndInOrderOverStreamsThatBreak(t *testing.T) {
	sidecar := &breaking{}
	base, end := context.WithCancel(t.Context())
	defer end()
	s := newSender(base, connected(t, sidecar), "tx-1", time.Minute)
	const n = 20_000
	for i := range n {
		if err := s.produce(t.Context(), []Record{{Topic: "t", Value: fmt.Append(nil, i)}}); err != nil {
			t.Fatal(err)
		}
	}
	// The last message is acknowledged by none of the streams that break, and by the end of one that does not.
	if sent, err := s.flush(t.Context(), true); sent != n || err != nil {
		t.Fatalf("flushed %d, %v", sent, err)
	}
	if len(sidecar.values) != n || sidecar.streams < 3 {
		t.Fatalf("%d records over %d streams", len(sidecar.values), sidecar.streams)
	}
	for i, v := range sidecar.values {
		if v != fmt.Sprint(i) {
			t.Fatalf("record %d is %s", i, v)
		}
	}
}

func TestARefusalComesOutOfALaterCall(t *testing.T) {
	sidecar := &breaking{refuse: refused(t, codes.InvalidArgument, &pb.ErrorDetail{
		Reason: pb.Reason_REASON_UNKNOWN_TOPIC, NextAction: pb.NextAction_NEXT_ACTION_FIX_REQUEST,
	})}
	base, end := context.WithCancel(t.Context())
	defer end()
	s := newSender(base, connected(t, sidecar), "tx-1", time.Minute)
	if err := s.produce(t.Context(), []Record{{Topic: "t"}}); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := s.flush(t.Context(), false); !errors.Is(err, ErrBadRequest) {
			t.Errorf("flush: %v", err)
		}
	}
	if err := s.produce(t.Context(), []Record{{Topic: "t"}}); !errors.Is(err, ErrBadRequest) {
		t.Errorf("produce: %v", err)
	}
}

func TestAFullWindowWaitsForTheDeadline(t *testing.T) {
	base, end := context.WithCancel(t.Context())
	defer end()
	away, err := grpc.NewClient("unix:"+filepath.Join(t.TempDir(), "nobody"),
		grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDefaultCallOptions(grpc.WaitForReady(true)))
	if err != nil {
		t.Fatal(err)
	}
	defer away.Close()
	s := newSender(base, pb.NewTransactionServiceClient(away), "tx-1", 20*time.Millisecond)
	err = s.produce(t.Context(), make([]Record, windowRecords+1))
	var late *Error
	if !errors.As(err, &late) || late.Kind != KindDeadlineExceeded || late.InDoubt || late.TransactionID != "tx-1" {
		t.Errorf("%v", err)
	}
}
