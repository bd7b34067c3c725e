package sidecommit

import (
	"context"
	"errors"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	pb "sidecommit.dev/go/sidecommitv1"
)

func TestACallIsRepeatedUntilThereIsAnOutcome(t *testing.T) {
	calls := 0
	answer, err := repeat(t.Context(), &Client{base: t.Context()}, rpcCommit, func(context.Context) (int, error) {
		if calls++; calls < 3 {
			return 0, status.Error(codes.Unavailable, "away")
		}
		return calls, nil
	})
	if answer != 3 || err != nil {
		t.Errorf("%d, %v", answer, err)
	}
}

func TestARefusalIsNotRepeated(t *testing.T) {
	calls := 0
	_, err := repeat(t.Context(), &Client{base: t.Context()}, rpcCommit, func(context.Context) (int, error) {
		calls++
		return 0, refused(t, codes.Aborted, &pb.ErrorDetail{NextAction: pb.NextAction_NEXT_ACTION_BEGIN_AGAIN})
	})
	if calls != 1 || !errors.Is(err, ErrAborted) {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestADeadlineEndsTheRepeatsAndSaysWhatWasLast(t *testing.T) {
	client := &Client{base: t.Context(), deadline: 20 * time.Millisecond}
	_, err := repeat(t.Context(), client, rpcCommit, func(context.Context) (int, error) {
		return 0, refused(t, codes.Unavailable, &pb.ErrorDetail{Reason: pb.Reason_REASON_RECOVERING})
	})
	var late *Error
	if !errors.As(err, &late) || late.Kind != KindDeadlineExceeded || !late.InDoubt || late.Reason != pb.Reason_REASON_RECOVERING {
		t.Errorf("%v", err)
	}
}

func TestACloseEndsTheRepeats(t *testing.T) {
	base, end := context.WithCancel(t.Context())
	_, err := repeat(t.Context(), &Client{base: base}, rpcCommit, func(context.Context) (int, error) {
		end()
		return 0, status.Error(codes.Canceled, "the connection is closing")
	})
	var closed *Error
	if !errors.Is(err, ErrClosed) || !errors.As(err, &closed) || !closed.InDoubt {
		t.Errorf("%v", err)
	}
}

func TestTheContextsDeadlineComesBeforeTheClients(t *testing.T) {
	ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
	defer cancel()
	within, done := bounded(ctx, time.Minute)
	defer done()
	if at, _ := within.Deadline(); time.Until(at) < 50*time.Minute {
		t.Errorf("the deadline is %v", at)
	}
}

var errBeginAgain = &Error{Kind: KindAborted, Reason: pb.Reason_REASON_TIMED_OUT}

func TestItIsBegunAgainAfterAborted(t *testing.T) {
	for attempts, want := range map[int]int{0: 5, 1: 1, 2: 2} {
		calls := 0
		_, err := again(t.Context(), &callOptions{attempts: attempts}, func(context.Context) (int, error) {
			calls++
			return 0, errBeginAgain
		})
		if calls != want || !errors.Is(err, ErrAborted) {
			t.Errorf("attempts %d: %d calls, %v", attempts, calls, err)
		}
	}
}

func TestOtherErrorsAreReturnedAsTheyAre(t *testing.T) {
	mine := errors.New("mine")
	calls := 0
	_, err := again(t.Context(), &callOptions{}, func(context.Context) (int, error) {
		calls++
		return 0, mine
	})
	if calls != 1 || err != mine {
		t.Errorf("%d calls, %v", calls, err)
	}
}

func TestTheHookIsToldAndMayStopIt(t *testing.T) {
	enough := errors.New("enough")
	var told []int
	o := &callOptions{onRetry: func(_ context.Context, attempt int, err error) error {
		told = append(told, attempt)
		if err != errBeginAgain {
			t.Errorf("told %v", err)
		}
		if attempt == 2 {
			return enough
		}
		return nil
	}}
	_, err := again(t.Context(), o, func(context.Context) (int, error) { return 0, errBeginAgain })
	if err != enough || len(told) != 2 || told[0] != 1 {
		t.Errorf("%v, %v", told, err)
	}
}

func TestACancelledPauseLeavesWhatIsCertain(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := again(ctx, &callOptions{}, func(context.Context) (int, error) { return 0, errBeginAgain })
	if err != errBeginAgain {
		t.Errorf("%v", err)
	}
}
