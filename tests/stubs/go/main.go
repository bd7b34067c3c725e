// Begin, Produce and Commit, and Consume, with what protoc-gen-go and protoc-gen-go-grpc generate, over the socket and over TCP.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"io"
	"log"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "sidecommit.dev/go/sidecommitv1"
)

type placed struct {
	Partition   int32 `json:"partition"`
	FirstOffset int64 `json:"first_offset"`
	LastOffset  int64 `json:"last_offset"`
	Count       int64 `json:"count"`
}

func records(topic, tag string) []*pb.Record {
	headers := []*pb.Header{{Name: "tag", Value: []byte(tag)}, {Name: "empty", Value: []byte{}}, {Name: "null"}}
	return []*pb.Record{
		{Topic: topic, Key: []byte(tag + "/tombstone")},
		{Topic: topic, Key: []byte(tag + "/headers"), Value: []byte("value"), Headers: headers},
		{Topic: topic, Key: []byte{}, Value: []byte(tag + "/empty-key")},
	}
}

func refusal(err error) map[string]any {
	refused := map[string]any{"code": status.Code(err).String()}
	for _, detail := range status.Convert(err).Details() {
		switch detail := detail.(type) {
		case *errdetails.ErrorInfo:
			refused["domain"], refused["reason"] = detail.Domain, detail.Reason
		case *pb.ErrorDetail:
			refused["next_action"], refused["next_sequence"] = detail.NextAction.String(), detail.GetNextSequence()
		}
	}
	return refused
}

func connect(target string) (*grpc.ClientConn, context.Context, context.CancelFunc) {
	channel, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
	return channel, ctx, cancel
}

func transact(transport, target string) {
	channel, ctx, cancel := connect(target)
	defer channel.Close()
	defer cancel()

	stub := pb.NewTransactionServiceClient(channel)
	info, err := stub.GetServerInfo(ctx, &pb.GetServerInfoRequest{})
	check(err)
	begun, err := stub.Begin(ctx, &pb.BeginRequest{RequestId: rand.Text()})
	check(err)
	batch := records(os.Getenv("SIDECOMMIT_TOPIC"), "go/"+transport)
	produced, err := stub.Produce(ctx, &pb.ProduceRequest{TransactionId: begun.TransactionId, Records: batch})
	check(err)

	commit := &pb.CommitRequest{TransactionId: begun.TransactionId, OffsetsCount: proto.Int64(0)}
	commit.RecordCount = proto.Int64(produced.NextSequence + 1)
	_, refused := stub.Commit(ctx, commit)
	commit.RecordCount = proto.Int64(produced.NextSequence)
	reply, err := stub.Commit(ctx, commit)
	check(err)
	again, err := stub.Commit(ctx, commit)
	check(err)

	ranges := []placed{}
	for _, r := range reply.Ranges {
		ranges = append(ranges, placed{r.Partition, r.FirstOffset, r.LastOffset, r.Count})
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"language":       "go",
		"transport":      transport,
		"identity":       info.Identity,
		"transaction_id": reply.TransactionId,
		"committed":      reply.State == pb.TransactionState_TRANSACTION_STATE_COMMITTED,
		"ranges":         ranges,
		"refused":        refusal(refused),
		"repeat_equal":   proto.Equal(again, reply),
	}))
}

// Settles what is delivered; hangs up when there is nothing more and it was enough. Returns what was delivered.
func read(ctx context.Context, channel *grpc.ClientConn, enough int, settle func(*pb.Delivery)) []*pb.ConsumedRecord {
	stream, err := pb.NewConsumeServiceClient(channel).Consume(ctx)
	check(err)
	subscribe := &pb.Subscribe{GroupId: input(), Topics: []string{input()}}
	check(stream.Send(&pb.ConsumeRequest{Kind: &pb.ConsumeRequest_Subscribe{Subscribe: subscribe}}))
	check(stream.Send(&pb.ConsumeRequest{Kind: &pb.ConsumeRequest_Credit{Credit: &pb.Credit{Deliveries: 10}}}))
	delivered := []*pb.ConsumedRecord{}
	for {
		told, err := stream.Recv()
		if err == io.EOF {
			return delivered
		}
		check(err)
		if delivery := told.GetDelivery(); delivery != nil {
			settle(delivery)
			delivered = append(delivered, delivery.Records...)
		} else if told.GetIdle() != nil && len(delivered) >= enough {
			check(stream.CloseSend())
		}
	}
}

// Copies a delivery in the transaction that settles it.
func settle(ctx context.Context, stub pb.TransactionServiceClient, delivery *pb.Delivery) {
	begun, err := stub.Begin(ctx, &pb.BeginRequest{RequestId: delivery.DeliveryId})
	check(err)
	ids := []string{delivery.DeliveryId}
	sent, err := stub.SendOffsets(ctx, &pb.SendOffsetsRequest{TransactionId: begun.TransactionId, DeliveryIds: ids})
	check(err)
	copies := []*pb.Record{}
	for _, r := range delivery.Records {
		copies = append(copies, &pb.Record{Topic: os.Getenv("SIDECOMMIT_TOPIC"), Key: r.Key, Value: r.Value, Headers: r.Headers})
	}
	produced, err := stub.Produce(ctx, &pb.ProduceRequest{TransactionId: begun.TransactionId, Records: copies})
	check(err)
	_, err = stub.Commit(ctx, &pb.CommitRequest{
		TransactionId: begun.TransactionId,
		RecordCount:   proto.Int64(produced.NextSequence),
		OffsetsCount:  proto.Int64(sent.OffsetsCount),
	})
	check(err)
}

// The topic that it reads, and the group that it reads as.
func input() string {
	return os.Getenv("SIDECOMMIT_TOPIC") + "-go"
}

func copyAll(target string) {
	channel, ctx, cancel := connect(target)
	defer channel.Close()
	defer cancel()
	stub := pb.NewTransactionServiceClient(channel)
	batch := records(input(), "go/copy")
	_, err := stub.Transact(ctx, &pb.TransactRequest{IdempotencyKey: rand.Text(), Records: batch})
	check(err)
	first := read(ctx, channel, len(batch), func(delivery *pb.Delivery) { settle(ctx, stub, delivery) })
	offsets, attempts, keys, again := []int64{}, []int32{}, []string{}, []int64{}
	for _, r := range first {
		offsets, attempts, keys = append(offsets, r.Offset), append(attempts, r.Attempt), append(keys, r.IdempotencyKey)
	}
	for _, r := range read(ctx, channel, 0, func(*pb.Delivery) {}) {
		again = append(again, r.Offset)
	}
	check(json.NewEncoder(os.Stdout).Encode(map[string]any{
		"language":  "go",
		"transport": "copy",
		"offsets":   offsets,
		"attempts":  attempts,
		"keys":      keys,
		"again":     again,
	}))
}

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	transact("unix", "unix:"+os.Getenv("SIDECOMMIT_SOCKET"))
	transact("tcp", os.Getenv("SIDECOMMIT_TCP"))
	copyAll("unix:" + os.Getenv("SIDECOMMIT_SOCKET"))
}
