package cloud

import (
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// The example that AWS publishes test vectors for (aws-sig-v4-test-suite).
const (
	suiteID     = "AKIDEXAMPLE"
	suiteSecret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
	suiteToken  = "AQoDYXdzEPT//////////wEXAMPLEtc764bNrC9SAPBSM22wDOk4x4HIZ8j4FZTwdQWLWsKWHGBuFqwAeMicRXmxfpSPfIeoIYRqTflfKD8YUuwthAx7mSEI/qkPpKPi/kMcGdQrmGdeehM4IC1NtBmUpp2wUE8phUZampKsburEDy0KPkyQDYwT7WZ0wq5VSXDvp75YU9HFvlRd8Tx6q6fE8YQcHNVXAkiY9q6d+xo0rKwT38xVqr7ZD0u0iPPkUL64lIZbqBAz+scqKmlzm8FDrypNC9Yjc8fPOLn9FX9KSYvKTr4rvx3iSIlTJabIQwj2ICCR/oLxBA=="
)

func suiteTime() time.Time { return time.Date(2015, 8, 30, 12, 36, 0, 0, time.UTC) }

func request(t *testing.T, method, url string) *http.Request {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, nil)
	if err != nil {
		t.Fatal(err)
	}
	return req
}

func TestSignaturesOfTheTestSuite(t *testing.T) {
	for name, c := range map[string]struct {
		method, url, form, body, token string
		headers, signature             string
	}{
		"get-vanilla": {method: "GET", url: "https://example.amazonaws.com/",
			headers: "host;x-amz-date", signature: "5fa00fa31553b73ebf1942676e86291e8372ff2a2260956d9b8aae1d763fbf31"},
		"post-vanilla": {method: "POST", url: "https://example.amazonaws.com/",
			headers: "host;x-amz-date", signature: "5da7c1a2acd57cee7505fc6676e4e544621c30862966e37dddb68e92efbe5d6b"},
		"get-vanilla-query-order-key-case": {method: "GET", url: "https://example.amazonaws.com/?Param2=value2&Param1=value1",
			headers: "host;x-amz-date", signature: "b97d918cfa904a5beff61c982a1b6f458b799221646efd99d3219ec94cdf2500"},
		"post-x-www-form-urlencoded": {method: "POST", url: "https://example.amazonaws.com/", form: "application/x-www-form-urlencoded", body: "Param1=value1",
			headers: "content-type;host;x-amz-date", signature: "ff11897932ad3f4e8b18135d722051e5ac45fc38421b1da7b9d196a0fe09473a"},
		"post-sts-header-before": {method: "POST", url: "https://example.amazonaws.com/", token: suiteToken,
			headers: "host;x-amz-date;x-amz-security-token", signature: "85d96828115b5dc0cfc3bd16ad9e210dd772bbebba041836c64533a82be05ead"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &sigv4{keys: aws.Credentials{AccessKeyID: suiteID, SecretAccessKey: suiteSecret, SessionToken: c.token},
				region: "us-east-1", service: "service", signer: v4.NewSigner()}
			req := request(t, c.method, c.url)
			if c.form != "" {
				req.Header.Set("Content-Type", c.form)
			}
			if err := s.Sign(req, []byte(c.body), suiteTime()); err != nil {
				t.Fatal(err)
			}
			want := "AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20150830/us-east-1/service/aws4_request, SignedHeaders=" + c.headers + ", Signature=" + c.signature
			if got := req.Header.Get("Authorization"); got != want {
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}

func TestRegionsOfHosts(t *testing.T) {
	const credential = `{"access_key_id":"AKIDEXAMPLE","secret_access_key":"` + suiteSecret + `","region":"eu-central-1"}`
	s, err := AWS([]byte(credential), Options{})
	if err != nil {
		t.Fatal(err)
	}
	for host, want := range map[string]string{
		"bedrock-runtime.us-west-2.amazonaws.com":             "/us-west-2/bedrock/",
		"bedrock-runtime-fips.us-east-2.amazonaws.com":        "/us-east-2/bedrock/",
		"vpce-1.bedrock-runtime.eu-west-1.vpce.amazonaws.com": "/eu-west-1/bedrock/",
		"localhost": "/eu-central-1/bedrock/",
	} {
		req := request(t, "POST", "https://"+host+"/model/a%3A0/converse")
		if err := s.Sign(req, []byte("{}"), suiteTime()); err != nil {
			t.Fatal(err)
		}
		if got := req.Header.Get("Authorization"); !strings.Contains(got, want) {
			t.Errorf("%s: %s", host, got)
		}
	}
	s, err = AWS([]byte(`{"access_key_id":"a","secret_access_key":"b"}`), Options{})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Sign(request(t, "POST", "https://localhost/"), nil, suiteTime()); err == nil || !strings.Contains(err.Error(), "region") {
		t.Errorf("signed for no region: %v", err)
	}
}

func TestKeysOfAWS(t *testing.T) {
	for name, c := range map[string]struct{ credential, want, err string }{
		"bare":      {"  bedrock-api-key-1\n", "Bearer bedrock-api-key-1", ""},
		"api_key":   {`{"api_key":"bedrock-api-key-1"}`, "Bearer bedrock-api-key-1", ""},
		"no id":     {`{"secret_access_key":"s3cr3t-s3cr3t"}`, "", "access_key_id"},
		"no secret": {`{"access_key_id":"s3cr3t-s3cr3t"}`, "", "secret_access_key"},
		"no object": {`{"access_key_id":s3cr3t-s3cr3t}`, "", "JSON"},
		"two":       {`{"api_key":"a"}{"b":"s3cr3t"}`, "", "JSON"},
		"a number":  {`{"api_key":5,"b":"s3cr3t"}`, "", "api_key"},
		"spaces":    {"a s3cr3t-s3cr3t", "", "spaces"},
		"a header":  {`{"api_key":"a\r\nX-Evil: s3cr3t"}`, "", "spaces"},
		"nothing":   {"", "", "neither"},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := AWS([]byte(c.credential), Options{})
			if err != nil {
				if c.err == "" || !strings.Contains(err.Error(), c.err) || strings.Contains(err.Error(), "s3cr3t") {
					t.Errorf("error %v, want one of %q", err, c.err)
				}
				return
			}
			req := request(t, "POST", "https://bedrock-runtime.us-east-1.amazonaws.com/")
			if err := s.Sign(req, nil, suiteTime()); err != nil || req.Header.Get("Authorization") != c.want {
				t.Errorf("%v, %s", err, req.Header.Get("Authorization"))
			}
		})
	}
}

func TestAWSFromEnvironment(t *testing.T) {
	home := t.TempDir()
	if err := os.Mkdir(filepath.Join(home, ".aws"), 0o700); err != nil {
		t.Fatal(err)
	}
	file := "[default]\naws_access_key_id = AKDEFAULT\naws_secret_access_key = sdefault\n\n[work]\n# a comment = 1\naws_access_key_id=AKWORK\naws_secret_access_key=swork\nregion = eu-west-3\n"
	if err := os.WriteFile(filepath.Join(home, ".aws", "credentials"), []byte(file), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		env  map[string]string
		want string
		err  string
	}{
		"keys":    {map[string]string{"AWS_ACCESS_KEY_ID": "AKENV", "AWS_SECRET_ACCESS_KEY": "s", "AWS_DEFAULT_REGION": "us-east-1"}, "AKENV/20150830/us-east-1", ""},
		"bearer":  {map[string]string{"AWS_BEARER_TOKEN_BEDROCK": "tok"}, "Bearer tok", ""},
		"default": {map[string]string{"AWS_REGION": "us-east-1"}, "AKDEFAULT/20150830/us-east-1", ""},
		"profile": {map[string]string{"AWS_PROFILE": "work"}, "AKWORK/20150830/eu-west-3", ""},
		"none":    {map[string]string{"AWS_PROFILE": "other"}, "", `profile "other"`},
		"no file": {map[string]string{"AWS_SHARED_CREDENTIALS_FILE": filepath.Join(home, "none")}, "", "AWS_ACCESS_KEY_ID"},
	} {
		t.Run(name, func(t *testing.T) {
			c.env["HOME"] = home
			s, err := AWSFromEnvironment(func(name string) string { return c.env[name] }, Options{Trusted: true})
			if err != nil {
				if c.err == "" || !strings.Contains(err.Error(), c.err) {
					t.Errorf("error %v", err)
				}
				return
			}
			req := request(t, "POST", "https://localhost/")
			if err := s.Sign(req, nil, suiteTime()); err != nil || !strings.Contains(req.Header.Get("Authorization"), c.want) {
				t.Errorf("%v, %s", err, req.Header.Get("Authorization"))
			}
		})
	}
}
