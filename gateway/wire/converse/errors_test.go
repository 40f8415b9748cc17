package converse

import (
	"testing"

	"weir/gateway/apierror"
	"weir/gateway/genai"
	"weir/gateway/wire/wiretest"
)

func TestErrors(t *testing.T) {
	for name, c := range map[string]struct {
		status  int
		text    string
		kind    apierror.Kind
		want    int
		code    string
		message string
	}{
		"plain":     {400, `{"message":"The provided model identifier is invalid."}`, apierror.ProviderError, 400, "", "The provided model identifier is invalid."},
		"capital":   {400, `{"Message":"bad"}`, apierror.ProviderError, 400, "", "bad"},
		"typed":     {404, `{"__type":"com.amazon#ResourceNotFoundException","message":"x"}`, apierror.ProviderError, 404, "ResourceNotFoundException", "x"},
		"throttled": {429, `{"message":"Too many tokens"}`, apierror.ProviderRateLimited, 429, "", "Too many tokens"},
		"forbidden": {403, `{"message":"User arn:aws:iam::1:user/x"}`, apierror.ProviderCredentials, 502, "provider_credentials", "The provider refused the gateway's own account."},
		"html":      {503, `<html>`, apierror.ProviderError, 503, "", "The provider answered with status 503."},
	} {
		t.Run(name, func(t *testing.T) {
			e := Protocol{}.ReadError(c.status, []byte(c.text))
			if e.Kind != c.kind || e.Status != c.want || e.Code != c.code || e.Message != c.message {
				t.Errorf("got %+v", e)
			}
		})
	}
}

func TestExceptions(t *testing.T) {
	const begun = "event/messageStart {\"role\":\"assistant\"}\nevent/contentBlockDelta {\"delta\":{\"text\":\"a\"},\"contentBlockIndex\":0}\n"
	damaged := wiretest.Frames(t, []byte(begun))
	damaged[len(damaged)-6] ^= 1
	for name, c := range map[string]struct {
		stream []byte
		status int
		kind   apierror.Kind
		code   string
	}{
		"internal":    {wiretest.Frames(t, []byte(begun+`exception/internalServerException {"message":"x"}`)), 500, apierror.ProviderError, "InternalServerException"},
		"model":       {wiretest.Frames(t, []byte(begun+`exception/modelStreamErrorException {"message":"x","originalStatusCode":500}`)), 424, apierror.ProviderError, "ModelStreamErrorException"},
		"throttling":  {wiretest.Frames(t, []byte(begun+`exception/throttlingException {"message":"x"}`)), 429, apierror.ProviderRateLimited, "ThrottlingException"},
		"validation":  {wiretest.Frames(t, []byte(begun+`exception/validationException {"message":"x"}`)), 400, apierror.ProviderError, "ValidationException"},
		"unavailable": {wiretest.Frames(t, []byte(begun+`exception/serviceUnavailableException {"message":"x"}`)), 503, apierror.ProviderError, "ServiceUnavailableException"},
		"error":       {wiretest.Frames(t, []byte(begun+`error/InternalFailure boom`)), 500, apierror.ProviderError, "InternalFailure"},
		"denied":      {wiretest.Frames(t, []byte(begun+`exception/accessDeniedException {"message":"key AKIA"}`)), 502, apierror.ProviderCredentials, "provider_credentials"},
		"cut":         {wiretest.Frames(t, []byte(begun)), 502, apierror.ProviderCut, "provider_cut"},
		"cut inside":  {wiretest.Frames(t, []byte(begun))[:140], 502, apierror.ProviderCut, "provider_cut"},
		"nothing":     {nil, 502, apierror.ProviderCut, "provider_cut"},
		"damaged":     {damaged, 424, apierror.ProviderUnreadable, "provider_unreadable"},
		"no frames":   {[]byte("<html><body>Bad gateway</body></html>"), 424, apierror.ProviderUnreadable, "provider_unreadable"},
		"no JSON":     {wiretest.Frames(t, []byte(begun+`event/contentBlockDelta nonsense`)), 424, apierror.ProviderUnreadable, "provider_unreadable"},
	} {
		t.Run(name, func(t *testing.T) {
			for size := 1; size < len(c.stream)+2; size += 11 {
				events := wiretest.Events(Protocol{}, c.stream, size)
				last := events[len(events)-1]
				if last.Kind != genai.Failure || last.Err.Status != c.status || last.Err.Kind != c.kind || last.Err.Code != c.code {
					t.Fatalf("cut every %d bytes: %+v %+v", size, last, last.Err)
				}
			}
		})
	}
}
