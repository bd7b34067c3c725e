// Begin, Produce and Commit with what protoc-gen-go and protoc-gen-go-grpc generate, over the socket and over TCP.
package main

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"log"
	"os"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	pb "sidecommit/v1"
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

func transact(transport, target string) {
	channel, err := grpc.NewClient(target, grpc.WithTransportCredentials(insecure.NewCredentials()))
	check(err)
	defer channel.Close()
	ctx, cancel := context.WithTimeout(context.Background(), 60*time.Second)
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

func check(err error) {
	if err != nil {
		log.Fatal(err)
	}
}

func main() {
	transact("unix", "unix:"+os.Getenv("SIDECOMMIT_SOCKET"))
	transact("tcp", os.Getenv("SIDECOMMIT_TCP"))
}
