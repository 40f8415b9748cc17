package converse

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"weir/stack/provider/answer"
)

const algorithm = "AWS4-HMAC-SHA256"

// signature is an Authorization header of Signature Version 4, taken apart.
type signature struct {
	key, date, region string
	headers           []string
	value             string
}

// checkAuth asks for a bearer token (an API key of Bedrock) or a signature.
func checkAuth(r *http.Request, body []byte, secret string) error {
	header := r.Header.Get("Authorization")
	if token, ok := strings.CutPrefix(header, "Bearer "); ok && token != "" {
		return nil
	}
	text, ok := strings.CutPrefix(header, algorithm+" ")
	if !ok {
		return denied("MissingAuthenticationTokenException", "Missing Authentication Token")
	}
	s, err := parse(text)
	if err != nil {
		return err
	}
	date := r.Header.Get("X-Amz-Date")
	switch {
	case len(date) != len("20060102T150405Z"):
		return denied("IncompleteSignatureException", "Authorization header requires existence of either a 'X-Amz-Date' or a 'Date' header.")
	case !strings.HasPrefix(date, s.date+"T"):
		return denied("InvalidSignatureException", "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP")
	case !slices.Contains(s.headers, "host") || !slices.Contains(s.headers, "x-amz-date"):
		return denied("InvalidSignatureException", "'Host' and 'X-Amz-Date' must be signed headers.")
	case !slices.IsSorted(s.headers):
		return denied("InvalidSignatureException", "SignedHeaders must be sorted.")
	case secret != "" && s.value != sign(r, body, s, secret):
		return denied("InvalidSignatureException", "The request signature we calculated does not match the signature you provided. "+
			"Check your AWS Secret Access Key and signing method. Consult the service documentation for details.")
	}
	return nil
}

func denied(kind, message string) error {
	return answer.Failure{Status: http.StatusForbidden, Kind: kind, Code: "signature", Message: message}
}

func parse(text string) (s signature, err error) {
	bad := denied("IncompleteSignatureException", "Authorization header requires 'Credential', 'SignedHeaders' and 'Signature' parameters.")
	for field := range strings.SplitSeq(text, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(field), "=")
		switch name {
		case "Credential":
			scope := strings.Split(value, "/")
			if len(scope) != 5 || scope[0] == "" || len(scope[1]) != len("20060102") || scope[2] == "" || scope[3] != "bedrock" || scope[4] != "aws4_request" {
				return s, denied("InvalidSignatureException", "Credential should be scoped to correct service: 'bedrock'.")
			}
			s.key, s.date, s.region = scope[0], scope[1], scope[2]
		case "SignedHeaders":
			s.headers = strings.Split(value, ";")
		case "Signature":
			s.value = value
		}
	}
	if raw, err := hex.DecodeString(s.value); s.key == "" || len(s.headers) == 0 || err != nil || len(raw) != sha256.Size {
		return s, bad
	}
	return s, nil
}

// sign is the signature that r should have. The path is encoded once more than it came, as for all of AWS but
// S3, and the query is taken as it is, since Bedrock's calls have none.
func sign(r *http.Request, body []byte, s signature, secret string) string {
	segments := strings.Split(r.URL.EscapedPath(), "/")
	for i := range segments {
		segments[i] = strings.ReplaceAll(url.QueryEscape(segments[i]), "+", "%20")
	}
	var headers strings.Builder
	for _, name := range s.headers {
		value := strings.Join(r.Header.Values(name), ",")
		switch name {
		case "host":
			value = r.Host
		case "content-length":
			value = strconv.FormatInt(r.ContentLength, 10)
		}
		headers.WriteString(name + ":" + strings.Join(strings.Fields(value), " ") + "\n")
	}
	sum := sha256.Sum256(body)
	canonical := strings.Join([]string{r.Method, strings.Join(segments, "/"), r.URL.RawQuery, headers.String(),
		strings.Join(s.headers, ";"), hex.EncodeToString(sum[:])}, "\n")
	sum = sha256.Sum256([]byte(canonical))
	scope := strings.Join([]string{s.date, s.region, "bedrock", "aws4_request"}, "/")
	key := []byte("AWS4" + secret)
	for _, part := range strings.Split(scope, "/") {
		key = mac(key, part)
	}
	return hex.EncodeToString(mac(key, strings.Join([]string{algorithm, r.Header.Get("X-Amz-Date"), scope, hex.EncodeToString(sum[:])}, "\n")))
}

func mac(key []byte, text string) []byte {
	h := hmac.New(sha256.New, key)
	h.Write([]byte(text))
	return h.Sum(nil)
}
