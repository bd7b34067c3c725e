package sidecommit

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"unicode/utf8"

	pb "sidecommit.dev/go/sidecommitv1"
)

func TestAFailureSaysWhatAndWhetherToTryAgain(t *testing.T) {
	cause := &json.SyntaxError{}
	record := ConsumedRecord{Offset: 7}
	for name, test := range map[string]struct {
		err       error
		offset    int64
		retryable bool
	}{
		"plain":           {cause, -1, true},
		"wrapped":         {fmt.Errorf("order: %w", cause), -1, true},
		"rejected":        {Reject(cause), -1, false},
		"named":           {FailedAt(record, cause), 7, true},
		"named, rejected": {FailedAt(record, Reject(cause)), 7, false},
		"rejected, named": {Reject(FailedAt(record, cause)), 7, false},
	} {
		got := failures("d", test.err)
		if len(got) != 1 {
			t.Fatalf("%s: %d failures", name, len(got))
		}
		offset := int64(-1)
		if got[0].Offset != nil {
			offset = *got[0].Offset
		}
		if offset != test.offset || got[0].Retryable != test.retryable || got[0].ErrorClass != "*json.SyntaxError" || got[0].DeliveryId != "d" {
			t.Errorf("%s: %v", name, got[0])
		}
	}
}

func TestJoinedErrorsNameEachTheirRecord(t *testing.T) {
	err := fmt.Errorf("batch: %w", errors.Join(
		FailedAt(ConsumedRecord{Offset: 1}, errors.New("one")),
		Reject(FailedAt(ConsumedRecord{Offset: 2}, errors.New("two"))),
		FailedAt(ConsumedRecord{Offset: 3}, Reject(errors.New("three"))),
	))
	got := failures("d", err)
	want := []struct {
		offset    int64
		retryable bool
	}{{1, true}, {2, false}, {3, false}}
	if len(got) != len(want) {
		t.Fatalf("%d failures", len(got))
	}
	for i, f := range got {
		if f.GetOffset() != want[i].offset || f.Retryable != want[i].retryable {
			t.Errorf("failure %d: %v", i, f)
		}
	}
}

func TestAFailureIsCutToWhatTheSidecarKeeps(t *testing.T) {
	long := failures("d", errors.New(strings.Repeat("ä", 2000)))[0].Message
	if utf8.RuneCountInString(long) != failureMessage || !utf8.ValidString(long) {
		t.Errorf("%d characters", utf8.RuneCountInString(long))
	}
}

func TestARefusedRecordIsTheFailureOfItsOrigin(t *testing.T) {
	err := &Error{Kind: KindBadRequest, Reason: pb.Reason_REASON_UNKNOWN_TOPIC, RecordIndex: 1}
	index, ok := isRefusedRecord(fmt.Errorf("settling: %w", err))
	if !ok || index != 1 {
		t.Fatalf("index %d, %v", index, ok)
	}
	known := refusals("d", []int64{10, 11}, index, err)[0]
	if known.GetOffset() != 11 || known.Retryable || known.ErrorClass != "UNKNOWN_TOPIC" {
		t.Errorf("known: %v", known)
	}
	unknown := refusals("d", nil, index, err)[0]
	if unknown.Offset != nil || !unknown.Retryable {
		t.Errorf("unknown: %v", unknown)
	}
	for _, other := range []error{nil, errors.New("other"), &Error{Kind: KindBadRequest, RecordIndex: -1}, &Error{Kind: KindAborted, RecordIndex: 0}} {
		if _, ok := isRefusedRecord(other); ok {
			t.Errorf("%v is one", other)
		}
	}
}
