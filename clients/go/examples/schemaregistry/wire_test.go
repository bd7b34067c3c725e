package main

import (
	"bytes"
	"testing"

	sidecommit "sidecommit.dev/go"
)

func TestFrames(t *testing.T) {
	for _, test := range []struct {
		message []int64
		want    []byte
	}{
		{nil, []byte{0, 0, 0, 1, 2, 'x'}},
		{[]int64{0}, []byte{0, 0, 0, 1, 2, 0, 'x'}},
		{[]int64{1}, []byte{0, 0, 0, 1, 2, 2, 2, 'x'}},
		{[]int64{1, 0}, []byte{0, 0, 0, 1, 2, 4, 2, 0, 'x'}},
	} {
		codec := framed[string]{id: 258, message: test.message, inner: sidecommit.Text{}}
		got, err := codec.Encode("x")
		if err != nil || !bytes.Equal(got, test.want) {
			t.Errorf("%v: %v, %v; want %v", test.message, got, err, test.want)
		}
		if value, err := codec.Decode(got); value != "x" || err != nil {
			t.Errorf("%v: read %q, %v", test.message, value, err)
		}
	}
}

func TestForeignFramesAreRefused(t *testing.T) {
	codec := framed[string]{id: 258, message: []int64{0}, inner: sidecommit.Text{}}
	for _, data := range [][]byte{{}, {0, 0, 0}, {1, 0, 0, 1, 2, 0, 'x'}, {0, 0, 0, 1, 3, 0, 'x'}, {0, 0, 0, 1, 2, 2, 2, 'x'}, {0, 0, 0, 1, 2}} {
		if value, err := codec.Decode(data); err == nil {
			t.Errorf("%v is %q", data, value)
		}
	}
}
