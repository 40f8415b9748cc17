package cloud

import (
	"bufio"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
)

// awsKey is a credential of AWS.
type awsKey struct {
	AccessKeyID     string `json:"access_key_id"`
	SecretAccessKey string `json:"secret_access_key"`
	SessionToken    string `json:"session_token"`
	Region          string `json:"region"`
	APIKey          string `json:"api_key"`
}

const awsRemedy = `give {"access_key_id", "secret_access_key", "session_token", "region"} or a Bedrock API key`

// AWS reads a credential of AWS: static keys as JSON, or a Bedrock API key, bare or as
// {"api_key"}.
func AWS(credential []byte, o Options) (Signer, error) {
	if !isJSON(credential) {
		token, err := bare("AWS", credential)
		if err != nil {
			return nil, err
		}
		return bearer(token), nil
	}
	var k awsKey
	if err := read("AWS", credential, &k, awsRemedy); err != nil {
		return nil, err
	}
	return k.signer(o)
}

func (k awsKey) signer(o Options) (Signer, error) {
	if k.APIKey != "" {
		token, err := bare("AWS", []byte(k.APIKey))
		if err != nil {
			return nil, err
		}
		return bearer(token), nil
	}
	switch {
	case k.AccessKeyID == "":
		return nil, missing("AWS", "access_key_id", awsRemedy)
	case k.SecretAccessKey == "":
		return nil, missing("AWS", "secret_access_key", awsRemedy)
	}
	if k.Region == "" {
		k.Region = o.Region
	}
	return &sigv4{
		secrets: secrets{k.SecretAccessKey, k.SessionToken, k.AccessKeyID},
		keys:    aws.Credentials{AccessKeyID: k.AccessKeyID, SecretAccessKey: k.SecretAccessKey, SessionToken: k.SessionToken},
		region:  k.Region, service: "bedrock", signer: v4.NewSigner(),
	}, nil
}

// AWSFromEnvironment reads the operator's own credential as AWS's tools find it:
// AWS_BEARER_TOKEN_BEDROCK, AWS_ACCESS_KEY_ID with AWS_SECRET_ACCESS_KEY and
// AWS_SESSION_TOKEN, or the profile AWS_PROFILE of the shared credentials file; the
// region is that of AWS_REGION or AWS_DEFAULT_REGION. Roles of machines are not looked
// for.
func AWSFromEnvironment(getenv func(string) string, o Options) (Signer, error) {
	k := awsKey{
		AccessKeyID: getenv("AWS_ACCESS_KEY_ID"), SecretAccessKey: getenv("AWS_SECRET_ACCESS_KEY"),
		SessionToken: getenv("AWS_SESSION_TOKEN"), Region: getenv("AWS_REGION"), APIKey: getenv("AWS_BEARER_TOKEN_BEDROCK"),
	}
	if k.Region == "" {
		k.Region = getenv("AWS_DEFAULT_REGION")
	}
	if k.APIKey == "" && k.AccessKeyID == "" {
		if err := k.fromProfile(getenv); err != nil {
			return nil, err
		}
	}
	return k.signer(o)
}

// withoutPath is why a file could not be read, without its place on this machine: the
// client whose call needed it is told.
func withoutPath(err error) error {
	var at *fs.PathError
	if errors.As(err, &at) {
		return at.Err
	}
	return err
}

// fromProfile reads the shared credentials file.
func (k *awsKey) fromProfile(getenv func(string) string) error {
	path, profile := getenv("AWS_SHARED_CREDENTIALS_FILE"), getenv("AWS_PROFILE")
	if path == "" {
		path = filepath.Join(getenv("HOME"), ".aws", "credentials")
	}
	if profile == "" {
		profile = "default"
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return fmt.Errorf("read AWS credentials: set AWS_ACCESS_KEY_ID, AWS_BEARER_TOKEN_BEDROCK or AWS_SHARED_CREDENTIALS_FILE: %w", withoutPath(err))
	}
	inside := false
	for lines := bufio.NewScanner(bytes.NewReader(text)); lines.Scan(); {
		line := strings.TrimSpace(lines.Text())
		if strings.HasPrefix(line, "[") {
			inside = strings.TrimSpace(strings.Trim(line, "[]")) == profile
			continue
		}
		name, value, found := strings.Cut(line, "=")
		if !inside || !found || strings.HasPrefix(line, "#") || strings.HasPrefix(line, ";") {
			continue
		}
		switch value = strings.TrimSpace(value); strings.TrimSpace(name) {
		case "aws_access_key_id":
			k.AccessKeyID = value
		case "aws_secret_access_key":
			k.SecretAccessKey = value
		case "aws_session_token":
			k.SessionToken = value
		case "region":
			if k.Region == "" {
				k.Region = value
			}
		}
	}
	if k.AccessKeyID == "" {
		return fmt.Errorf("AWS credentials: profile %q of %s has no aws_access_key_id", profile, path)
	}
	return nil
}

// sigv4 signs by AWS's Signature Version 4.
type sigv4 struct {
	secrets
	keys    aws.Credentials
	region  string // where the host names none
	service string
	signer  *v4.Signer
}

// Sign signs all headers that are set, the path, the query and the body.
func (s *sigv4) Sign(req *http.Request, body []byte, now time.Time) error {
	region := regionOf(req.URL.Hostname())
	if region == "" {
		region = s.region
	}
	if region == "" {
		return errors.New("sign for AWS: the region is not known: give the credential a region, or call bedrock-runtime.REGION.amazonaws.com")
	}
	hash := sha256.Sum256(body)
	if err := s.signer.SignHTTP(req.Context(), s.keys, req, hex.EncodeToString(hash[:]), s.service, region, now); err != nil {
		return errors.New("sign for AWS: " + s.Redact(err.Error()))
	}
	return nil
}

// regionOf is the region in a host like bedrock-runtime.eu-west-1.amazonaws.com: what is
// signed for another region than the one that is called is refused.
func regionOf(host string) string {
	labels := strings.Split(host, ".")
	for i, label := range labels[:len(labels)-1] {
		if label == "bedrock-runtime" || label == "bedrock-runtime-fips" {
			return labels[i+1]
		}
	}
	return ""
}

// String keeps the keys out of whatever prints it.
func (s *sigv4) String() string { return "AWS credential" }

// GoString is String.
func (s *sigv4) GoString() string { return s.String() }
