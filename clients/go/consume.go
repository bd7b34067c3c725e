package sidecommit

import (
	"context"
	"errors"
	"io"
	"time"

	"google.golang.org/grpc"

	pb "sidecommit.dev/go/sidecommitv1"
)

// gRPC's default, and that of the sidecar.
const defaultMessageBytes = 4 << 20

// consumeStream is a Consume stream, which one goroutine uses.
type consumeStream struct {
	// told is what the sidecar says; the last one is an error.
	told   chan told
	cancel context.CancelFunc
	// stream is there once something was told that is no error.
	stream grpc.BidiStreamingClient[pb.ConsumeRequest, pb.ConsumeResponse]
}

// told is what the sidecar said, or why it says nothing more.
type told struct {
	*pb.ConsumeResponse
	err error
}

// consume subscribes. It returns at once; that it failed is told.
func (c *Client) consume(ctx context.Context, subscription *Subscription, sessionID string) *consumeStream {
	ctx, cancel := context.WithCancel(ctx)
	s := &consumeStream{told: make(chan told), cancel: cancel}
	most := grpc.MaxCallRecvMsgSize(max(defaultMessageBytes, subscription.MaxMessageBytes))
	subscribe := subscription.subscribe(sessionID)
	go func() {
		err := s.receive(ctx, c.consumer, subscribe, most)
		select {
		case s.told <- told{err: err}:
		case <-ctx.Done():
		}
	}()
	return s
}

func (s *consumeStream) receive(ctx context.Context, stub pb.ConsumeServiceClient, subscribe *pb.Subscribe, options ...grpc.CallOption) error {
	stream, err := stub.Consume(ctx, options...)
	if err != nil {
		return err
	}
	// A failure to send is followed by its cause.
	err = stream.Send(&pb.ConsumeRequest{Kind: &pb.ConsumeRequest_Subscribe{Subscribe: subscribe}})
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	s.stream = stream
	for {
		said, err := stream.Recv()
		if err != nil {
			return err
		}
		select {
		case s.told <- told{ConsumeResponse: said}:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

func (s *consumeStream) credit(n int) {
	s.say(&pb.ConsumeRequest{Kind: &pb.ConsumeRequest_Credit{Credit: &pb.Credit{Deliveries: int32(n)}}})
}

func (s *consumeStream) release(id string) {
	s.say(&pb.ConsumeRequest{Kind: &pb.ConsumeRequest_Release{Release: &pb.Release{DeliveryId: id}}})
}

// say sends. If that fails the stream has ended, which is told.
func (s *consumeStream) say(request *pb.ConsumeRequest) {
	_ = s.stream.Send(request)
}

// hangUp ends the stream once the sidecar has heard all that was said, or after the patience. What is told meanwhile is not wanted, and
// nothing can be said about it any more.
func (s *consumeStream) hangUp(patience time.Duration) {
	defer s.cancel()
	_ = s.stream.CloseSend()
	late := time.NewTimer(patience)
	defer late.Stop()
	for {
		select {
		case said := <-s.told:
			if said.err != nil {
				return
			}
		case <-late.C:
			return
		}
	}
}
