package sidecommit

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"testing"

	pb "sidecommit.dev/go/sidecommitv1"
)

// oneField is a Propagator of traces that are a text.
type oneField struct{}

type oneFieldKey struct{}

func (oneField) Inject(ctx context.Context, set func(name, value string)) {
	if trace, ok := ctx.Value(oneFieldKey{}).(string); ok {
		set("trace", trace)
	}
}

func (oneField) Extract(ctx context.Context, get func(name string) string) context.Context {
	if trace := get("trace"); trace != "" {
		return context.WithValue(ctx, oneFieldKey{}, trace)
	}
	return ctx
}

func TestWhatIsMadeOfARecordGoesOnWithItsTrace(t *testing.T) {
	header := func(name, value string) Header { return Header{Name: name, Value: []byte(value)} }
	in := []ConsumedRecord{{Headers: []Header{header("other", "o"), header("trace", "1")}}, {}}
	// With room for more headers, which is not the client's.
	kept := append(make([]Header, 0, 2), header("kept", "k"))
	kept[:2][1] = header("mine", "m")
	made := []Record{{Topic: "plain"}, {Topic: "kept", Headers: kept}, {Topic: "own", Headers: []Header{header("trace", "own")}}}
	// Of whoever calls Process.
	ctx := context.WithValue(context.Background(), oneFieldKey{}, "caller")

	c := &Client{propagator: oneField{}}
	out, err := c.each(func(context.Context, ConsumedRecord) ([]Record, error) { return made, nil })(ctx, in)
	if err != nil {
		t.Fatal(err)
	}
	var got [][]Header
	for _, r := range out.records {
		got = append(got, r.Headers)
	}
	want := [][]Header{
		{header("trace", "1")}, {header("kept", "k"), header("trace", "1")}, {header("trace", "own")},
		nil, {header("kept", "k")}, {header("trace", "own")},
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("each: %q, want %q", got, want)
	}
	if mine := kept[:2][1]; mine.Name != "mine" || made[0].Headers != nil {
		t.Errorf("the handler's slices changed: %q, %q", mine, made[0].Headers)
	}

	out, err = c.whole(func(context.Context, []ConsumedRecord) ([]Record, error) { return made, nil })(ctx, in)
	if err != nil || !reflect.DeepEqual(out.records, made) {
		t.Errorf("whole: %v, %v", out.records, err)
	}
}

func TestOnlyWhatComesAgainUnlessSettledIsGivenBack(t *testing.T) {
	forgotten := &Error{Kind: KindNeedsHuman, Reason: pb.Reason_REASON_OUTCOME_FORGOTTEN}
	for _, right := range []error{forgotten, &Error{Kind: KindAborted}, fmt.Errorf("around: %w", forgotten)} {
		if !comesAgainUnlessSettled(right) {
			t.Errorf("%v ends Process", right)
		}
	}
	unknown := &Error{Kind: KindNeedsHuman, Reason: pb.Reason_REASON_OUTCOME_UNKNOWN}
	for _, wrong := range []error{nil, unknown, &Error{Kind: KindBadRequest}, errors.New("other")} {
		if comesAgainUnlessSettled(wrong) {
			t.Errorf("after %v it is given back", wrong)
		}
	}
}
