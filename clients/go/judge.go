package sidecommit

import (
	"math/rand/v2"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "sidecommit.dev/go/sidecommitv1"
)

// What a status means and how long to wait before a repeat. Nothing here does I/O.

// rpc is a call as far as its failures are judged.
type rpc struct {
	name string
	// decides: after a failure of a library it is not known whether the call did its work.
	decides bool
}

var (
	rpcServerInfo     = rpc{name: "GetServerInfo"}
	rpcBegin          = rpc{name: "Begin"}
	rpcProduce        = rpc{name: "ProduceStream"}
	rpcSendOffsets    = rpc{name: "SendOffsets"}
	rpcKeepAlive      = rpc{name: "KeepAlive"}
	rpcCommit         = rpc{name: "Commit", decides: true}
	rpcAbort          = rpc{name: "Abort", decides: true}
	rpcTransact       = rpc{name: "Transact", decides: true}
	rpcGetTransaction = rpc{name: "GetTransaction"}
	rpcConsume        = rpc{name: "Consume"}
)

// verdict is a refusal, and the delay that it asks for before a repeat; 0: none.
type verdict struct {
	*Error
	delay time.Duration
}

// repeats tells whether the same call is to be sent again. INCOMPLETE is not: first records have to be sent.
func (v verdict) repeats() bool {
	return v.Kind == KindOther && v.Reason != pb.Reason_REASON_INCOMPLETE
}

// judge reads a status by the rules of error.proto.
func judge(call rpc, err error) verdict {
	st := status.Convert(err)
	v := verdict{Error: &Error{
		Call:         call.name,
		Code:         st.Code(),
		Message:      st.Message(),
		RecordIndex:  -1,
		NextSequence: -1,
		Err:          err,
	}}
	detailed := false
	for _, detail := range st.Details() {
		switch detail := detail.(type) {
		case *pb.ErrorDetail:
			detailed = true
			v.take(detail)
		case *errdetails.RetryInfo:
			v.delay = detail.GetRetryDelay().AsDuration()
		}
	}
	if !detailed {
		v.NextAction = actionOf(call, st.Code())
	}
	v.Kind = kindOf(v.NextAction)
	return v
}

func (e *Error) take(detail *pb.ErrorDetail) {
	e.Reason, e.NextAction = detail.GetReason(), detail.GetNextAction()
	if detail.RecordIndex != nil {
		e.RecordIndex = detail.GetRecordIndex()
	}
	if detail.NextSequence != nil {
		e.NextSequence = detail.GetNextSequence()
	}
	if l := detail.GetLimit(); l != nil {
		e.Limit = &Limit{Setting: l.GetSetting(), Limit: l.GetLimit(), Actual: l.GetActual()}
	}
	if c := detail.GetCoordinate(); c != nil {
		e.Coordinate = &Coordinate{Topic: c.GetTopic(), Partition: c.GetPartition(), Offset: c.GetOffset()}
	}
}

// actionOf is for a status that a gRPC library made.
func actionOf(call rpc, code codes.Code) NextAction {
	switch code {
	case codes.OutOfRange, codes.Unimplemented, codes.ResourceExhausted:
		return pb.NextAction_NEXT_ACTION_FIX_REQUEST
	}
	if call.decides {
		return pb.NextAction_NEXT_ACTION_ASK_OUTCOME
	}
	return pb.NextAction_NEXT_ACTION_RETRY_SAME
}

// kindOf is KindOther for what is repeated, unknown actions among it.
func kindOf(action NextAction) Kind {
	switch action {
	case pb.NextAction_NEXT_ACTION_BEGIN_AGAIN:
		return KindAborted
	case pb.NextAction_NEXT_ACTION_FIX_REQUEST:
		return KindBadRequest
	case pb.NextAction_NEXT_ACTION_STOP:
		return KindNeedsHuman
	}
	return KindOther
}

// outOfTime is the error of a call whose context ended; last is what it was refused with before, if it was.
func outOfTime(call rpc, cause error, last *Error) *Error {
	e := &Error{
		Kind:         KindDeadlineExceeded,
		Call:         call.name,
		Code:         codes.DeadlineExceeded,
		RecordIndex:  -1,
		NextSequence: -1,
		InDoubt:      call.decides,
		Err:          cause,
	}
	if call.decides {
		e.NextAction = pb.NextAction_NEXT_ACTION_ASK_OUTCOME
	} else {
		e.NextAction = pb.NextAction_NEXT_ACTION_RETRY_SAME
	}
	if last != nil {
		e.Reason, e.Limit, e.Message = last.Reason, last.Limit, "last: "+last.Error()
	}
	return e
}

const (
	firstPause   = 50 * time.Millisecond
	longestPause = 2 * time.Second
)

// backoff counts repeats.
type backoff struct{ tries int }

// next is how long to wait before the next repeat: what was asked for, else 50 ms doubling to 2 s; with up to half of it less.
func (b *backoff) next(asked time.Duration) time.Duration {
	b.tries++
	if asked > 0 {
		return asked
	}
	pause := longestPause
	if shift := b.tries - 1; shift < 6 {
		pause = min(firstPause<<shift, longestPause)
	}
	return pause - rand.N(pause/2)
}

func (b *backoff) reset() { b.tries = 0 }
