package sidecommit

import (
	"context"
	"errors"
	"io"

	"google.golang.org/grpc"

	pb "sidecommit.dev/go/sidecommitv1"
)

// stream serves one stream: nil when all that there will ever be is acknowledged, else why it ended.
func (s *sender) stream() error {
	ctx, cancel := context.WithCancel(s.base)
	defer cancel()
	stream, err := s.stub.ProduceStream(ctx, grpc.ForceCodecV2(produceCodec))
	if err != nil {
		return err
	}
	acks := make(chan error, 1)
	go func() { acks <- s.acks(stream) }()
	for {
		half, err := s.send(stream)
		if errors.Is(err, io.EOF) {
			// The reason comes with the acks.
			return <-acks
		} else if err != nil {
			return err
		}
		if half {
			return <-acks
		}
		select {
		case err := <-acks:
			return err
		case <-s.wake:
		}
	}
}

// send sends all messages that are ready; true if these were the last ones and the stream is closed for sending.
func (s *sender) send(stream grpc.ClientStream) (bool, error) {
	for {
		s.mu.Lock()
		if !s.outbox.ready() {
			half := s.last
			s.mu.Unlock()
			if half {
				return true, stream.CloseSend()
			}
			return false, nil
		}
		first, data := s.outbox.take()
		s.mu.Unlock()
		place := appendPlace(make([]byte, 0, len(s.id)+16), s.id, first)
		if err := stream.SendMsg(&encoded{place, data}); err != nil {
			return false, err
		}
	}
}

// errEnded is an end of the stream that nobody asked for.
var errEnded = errors.New("the stream ended")

// acks takes acknowledgements until the stream ends; nil if it ended as it should.
func (s *sender) acks(stream grpc.BidiStreamingClient[pb.ProduceStreamRequest, pb.ProduceStreamResponse]) error {
	for {
		ack, err := stream.Recv()
		s.mu.Lock()
		switch {
		case err == nil:
			s.outbox.ack(ack.GetNextSequence())
			s.refused = nil
			s.announce()
		case !errors.Is(err, io.EOF):
		case s.last && s.outbox.settled():
			s.mu.Unlock()
			return nil
		default:
			err = errEnded
		}
		s.mu.Unlock()
		if err != nil {
			return err
		}
	}
}
