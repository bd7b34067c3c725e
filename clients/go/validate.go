package sidecommit

import (
	"fmt"
	"unicode/utf8"

	"google.golang.org/grpc/codes"

	pb "sidecommit.dev/go/sidecommitv1"
)

// validate refuses what cannot be said in protobuf; all else is the sidecar's to refuse.
func validate(call rpc, records []Record) error {
	for i := range records {
		if !utf8.ValidString(records[i].Topic) {
			return refusal(call, int64(i), "the topic is not UTF-8")
		}
		for _, h := range records[i].Headers {
			if !utf8.ValidString(h.Name) {
				return refusal(call, int64(i), fmt.Sprintf("the header's name %q is not UTF-8", h.Name))
			}
		}
	}
	return nil
}

// refusal is what the sidecar would say; the index is that in the call.
func refusal(call rpc, index int64, message string) *Error {
	return &Error{
		Kind:         KindBadRequest,
		Call:         call.name,
		Code:         codes.InvalidArgument,
		Reason:       pb.Reason_REASON_INVALID_FIELD,
		NextAction:   pb.NextAction_NEXT_ACTION_FIX_REQUEST,
		Message:      message,
		RecordIndex:  index,
		NextSequence: -1,
	}
}

// cut shortens a text to so many characters.
func cut(text string, most int) string {
	n := 0
	for i := range text {
		if n == most {
			return text[:i]
		}
		n++
	}
	return text
}
