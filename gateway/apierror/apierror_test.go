package apierror

import (
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestEveryKindHasAStatusTypeAndOrigin(t *testing.T) {
	for _, kind := range []Kind{NoCredentials, BadKey, NotPermitted, NotFound, Conflict, InvalidRequest, UnknownProvider, UnknownModel, UnknownPolicy, UnknownRoute, WrongMethod, BodyTimeout,
		BodyTooLarge, HeadersTooLarge, ClientDisconnected, CannotRecord, ShuttingDown, CredentialMissing, CredentialLocked, BaseURLRefused, Internal,
		ModelNotAllowed, RegionNotAllowed, UserDisabled, RateLimited, Unbounded, Unpriced, BudgetExceeded, BudgetBusy, BalanceUsedUp, BudgetsAway, ProviderError, ProviderRateLimited, ProviderOverloaded,
		ProviderCredentials, ProviderTimeout, ProviderUnreachable, ProviderCut, ProviderUnreadable} {
		e := New(kind, "m")
		want := Router
		if strings.HasPrefix(string(kind), "provider_") {
			want = Provider
		}
		if e.Status < 400 || e.Type == "" || e.Origin != want || e.Status == 500 && kind != Internal {
			t.Errorf("%s: %+v", kind, e)
		}
	}
	if e := New("unheard of", "m"); e.Status != 500 {
		t.Errorf("an unknown kind is %+v", e)
	}
}

func TestBodyIsJSON(t *testing.T) {
	e := Invalid("p", "a \"quoted\"\nmessage")
	var got struct {
		Error struct {
			Message, Type, Param, Origin string
			Code                         *string
		}
	}
	if err := json.Unmarshal(e.Append(nil), &got); err != nil || got.Error.Message != e.Message || got.Error.Param != "p" || got.Error.Code != nil || got.Error.Origin != "router" {
		t.Errorf("%s: %v", e.Append(nil), err)
	}
	if event := string(e.AppendEvent(nil)); !strings.HasPrefix(event, "event: error\ndata: {") || !strings.HasSuffix(event, "}\n\n") || strings.Count(event, "\n") != 3 {
		t.Errorf("%q", event)
	}
}

func TestSummaryIsBoundedAndKeepsProvidersWordsOut(t *testing.T) {
	e := New(ProviderError, "you said: SECRET")
	e.Status, e.Type, e.Code = 400, "invalid_request_error", "c"
	if got, want := e.Summary(), "provider answered 400 invalid_request_error c"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, pad := range []string{"", "x", "xx"} {
		if s := New(InvalidRequest, pad+strings.Repeat("€", 1000)).Summary(); len(s) > 1024 || !utf8.ValidString(s) {
			t.Errorf("%d bytes, valid %v", len(s), utf8.ValidString(s))
		}
	}
}
