package schemas

import (
	"testing"

	"google.golang.org/protobuf/proto"
)

// What an event held before shows in nothing that is decoded after it.
func TestReuseLeavesNothing(t *testing.T) {
	full, err := (&UsageRecorded{
		RequestId: "req_1", Seq: 3, Status: 200, Model: "m", CostPico: 7, Byok: true,
		Dimensions: &Dimensions{OrgId: "org", Tags: []string{"a", "b"}, Extra: map[string]string{"k": "v"}, Stream: true},
		Tokens:     &Tokens{Input: 1, Output: 2}, Units: map[string]int64{"search": 1},
	}).MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	want := &UsageRecorded{
		RequestId: "req_2", Dimensions: &Dimensions{KeyId: "key", Tags: []string{"c"}, Extra: map[string]string{"l": "w"}},
		Tokens: &Tokens{}, Units: map[string]int64{"image": 2},
	}
	next, err := want.MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	var got UsageRecorded
	for _, value := range [][]byte{full, next} {
		got.Reuse()
		if err := got.UnmarshalVTUnsafe(value); err != nil {
			t.Fatal(err)
		}
	}
	if !proto.Equal(&got, want) {
		t.Errorf("after another event got %v, want %v", &got, want)
	}

	var request RequestReceived
	value, err := (&RequestReceived{
		RequestId: "req_1", Dimensions: &Dimensions{UserId: "ada", Tags: []string{"a"}}, Budgets: []*BudgetHold{{BudgetId: "b"}},
	}).MarshalVT()
	if err != nil {
		t.Fatal(err)
	}
	if err := request.UnmarshalVTUnsafe(value); err != nil {
		t.Fatal(err)
	}
	request.Reuse()
	if empty := (&RequestReceived{Dimensions: &Dimensions{}}); !proto.Equal(&request, empty) {
		t.Errorf("emptied: %v", &request)
	}
}
