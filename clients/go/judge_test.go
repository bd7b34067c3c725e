package sidecommit

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	pb "sidecommit.dev/go/sidecommitv1"
)

func refused(t *testing.T, code codes.Code, details ...protoadapt.MessageV1) error {
	t.Helper()
	st, err := status.New(code, "message").WithDetails(details...)
	if err != nil {
		t.Fatal(err)
	}
	return st.Err()
}

func TestNextActionsAreKinds(t *testing.T) {
	for action, want := range map[NextAction]Kind{
		pb.NextAction_NEXT_ACTION_UNSPECIFIED: KindOther,
		pb.NextAction_NEXT_ACTION_RETRY_SAME:  KindOther,
		pb.NextAction_NEXT_ACTION_ASK_OUTCOME: KindOther,
		pb.NextAction_NEXT_ACTION_WAIT_READY:  KindOther,
		pb.NextAction_NEXT_ACTION_BEGIN_AGAIN: KindAborted,
		pb.NextAction_NEXT_ACTION_FIX_REQUEST: KindBadRequest,
		pb.NextAction_NEXT_ACTION_STOP:        KindNeedsHuman,
		99:                                    KindOther,
	} {
		err := refused(t, codes.Aborted, &pb.ErrorDetail{Reason: pb.Reason_REASON_TIMED_OUT, NextAction: action})
		v := judge(rpcCommit, err)
		if v.Kind != want || v.repeats() != (want == KindOther) {
			t.Errorf("%v: kind %v, repeats %v", action, v.Kind, v.repeats())
		}
	}
}

func TestStatusesOfLibrariesAreJudgedByTheTable(t *testing.T) {
	for _, code := range []codes.Code{codes.OutOfRange, codes.Unimplemented, codes.ResourceExhausted} {
		for _, call := range []rpc{rpcCommit, rpcBegin} {
			if v := judge(call, status.Error(code, "")); v.Kind != KindBadRequest {
				t.Errorf("%v after %s: %v", code, call.name, v.Kind)
			}
		}
	}
	for _, code := range []codes.Code{codes.DeadlineExceeded, codes.Canceled, codes.Internal, codes.Unknown, codes.Unavailable} {
		for call, want := range map[rpc]NextAction{
			rpcCommit:         pb.NextAction_NEXT_ACTION_ASK_OUTCOME,
			rpcAbort:          pb.NextAction_NEXT_ACTION_ASK_OUTCOME,
			rpcTransact:       pb.NextAction_NEXT_ACTION_ASK_OUTCOME,
			rpcBegin:          pb.NextAction_NEXT_ACTION_RETRY_SAME,
			rpcProduce:        pb.NextAction_NEXT_ACTION_RETRY_SAME,
			rpcGetTransaction: pb.NextAction_NEXT_ACTION_RETRY_SAME,
		} {
			v := judge(call, status.Error(code, ""))
			if v.NextAction != want || !v.repeats() {
				t.Errorf("%v after %s: %v, repeats %v", code, call.name, v.NextAction, v.repeats())
			}
		}
	}
	if v := judge(rpcConsume, io.EOF); !v.repeats() {
		t.Error("a stream that ended is opened again")
	}
}

func TestDetailsAreInTheError(t *testing.T) {
	err := refused(t, codes.ResourceExhausted, &pb.ErrorDetail{
		Reason:       pb.Reason_REASON_BUFFER_EXCEEDED,
		NextAction:   pb.NextAction_NEXT_ACTION_RETRY_SAME,
		RecordIndex:  proto.Int64(0),
		NextSequence: proto.Int64(7),
		Limit:        &pb.LimitExceeded{Setting: "limits.buffer_bytes", Limit: 1, Actual: 2},
		Coordinate:   &pb.Coordinate{Topic: "t", Partition: 3, Offset: -1},
	}, &errdetails.RetryInfo{RetryDelay: durationpb.New(3 * time.Second)})
	v := judge(rpcProduce, err)
	if v.Reason != pb.Reason_REASON_BUFFER_EXCEEDED || v.RecordIndex != 0 || v.NextSequence != 7 || v.delay != 3*time.Second ||
		*v.Limit != (Limit{"limits.buffer_bytes", 1, 2}) || *v.Coordinate != (Coordinate{"t", 3, -1}) || v.Message != "message" {
		t.Errorf("%+v, delay %v", v.Error, v.delay)
	}
	if v = judge(rpcProduce, status.Error(codes.Unavailable, "")); v.RecordIndex != -1 || v.NextSequence != -1 {
		t.Errorf("absent is not 0: %+v", v.Error)
	}
}

func TestIncompleteIsNotRepeatedAsItIs(t *testing.T) {
	err := refused(t, codes.FailedPrecondition, &pb.ErrorDetail{
		Reason: pb.Reason_REASON_INCOMPLETE, NextAction: pb.NextAction_NEXT_ACTION_RETRY_SAME,
	})
	if judge(rpcCommit, err).repeats() {
		t.Error("it repeats")
	}
}

func TestErrorsAreTheirKindsSentinels(t *testing.T) {
	for kind, sentinel := range sentinels {
		if sentinel == nil {
			continue
		}
		err := error(&Error{Kind: Kind(kind)})
		for _, other := range sentinels {
			if other != nil && errors.Is(err, other) != (other == sentinel) {
				t.Errorf("kind %d is %v", kind, other)
			}
		}
	}
}

func TestOutOfTimeIsInDoubtAfterWhatDecides(t *testing.T) {
	for call, want := range map[rpc]bool{rpcCommit: true, rpcTransact: true, rpcAbort: true, rpcBegin: false, rpcProduce: false} {
		err := outOfTime(call, context.DeadlineExceeded, nil)
		if err.InDoubt != want {
			t.Errorf("%s: in doubt %v", call.name, err.InDoubt)
		}
		if !errors.Is(err, ErrDeadlineExceeded) || !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("%s: %v is no deadline exceeded", call.name, err)
		}
	}
}

func TestPausesDoubleFrom50MillisecondsTo2Seconds(t *testing.T) {
	var b backoff
	for i, most := range []time.Duration{50, 100, 200, 400, 800, 1600, 2000, 2000} {
		most *= time.Millisecond
		if pause := b.next(0); pause > most || pause < most/2 {
			t.Errorf("pause %d is %v, want up to %v", i, pause, most)
		}
	}
	if pause := b.next(time.Minute); pause != time.Minute {
		t.Errorf("asked for a minute, got %v", pause)
	}
	b.reset()
	if pause := b.next(0); pause > firstPause {
		t.Errorf("after a reset: %v", pause)
	}
}
