package sidecommit

import (
	"context"
	"errors"
	"testing"
)

type transfer struct{ Amount int }

var transfers = Topic[string, transfer]{"transfers", Text{}, JSON[transfer]{}}

func TestATopicEncodesAndDecodes(t *testing.T) {
	record, err := transfers.Record("alice", transfer{5})
	if err != nil || string(record.Key) != "alice" || string(record.Value) != `{"Amount":5}` || record.Topic != "transfers" {
		t.Fatalf("%+v, %v", record, err)
	}
	handler := transfers.Handler(func(_ context.Context, _ ConsumedRecord, key string, value transfer) ([]Record, error) {
		if key != "alice" || value.Amount != 5 {
			t.Errorf("%s, %v", key, value)
		}
		return []Record{record}, nil
	})
	out, err := handler(t.Context(), ConsumedRecord{Key: record.Key, Value: record.Value})
	if len(out) != 1 || err != nil {
		t.Errorf("%v, %v", out, err)
	}
}

func TestWhatCannotBeDecodedIsRejected(t *testing.T) {
	handler := transfers.Handler(func(context.Context, ConsumedRecord, string, transfer) ([]Record, error) {
		t.Error("it is handled")
		return nil, nil
	})
	for _, in := range []ConsumedRecord{{Value: []byte("{")}, {Key: []byte{0xff}, Value: []byte("{}")}, {Value: []byte{}}} {
		_, err := handler(t.Context(), in)
		var reject *RejectError
		if !errors.As(err, &reject) {
			t.Errorf("%q: %v", in.Value, err)
		}
	}
}

func TestATombstoneIsNotDecoded(t *testing.T) {
	handled := false
	handler := transfers.Handler(func(context.Context, ConsumedRecord, string, transfer) ([]Record, error) {
		handled = true
		return nil, nil
	})
	if _, err := handler(t.Context(), ConsumedRecord{}); err != nil || !handled {
		t.Errorf("handled %v, %v", handled, err)
	}
}
