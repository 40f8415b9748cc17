package cloud

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"golang.org/x/oauth2"
)

func TestTokensAreFetchedOnceAndBeforeTheyExpire(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fetched := 0
		s := &tokens{name: "Test", fetch: func(context.Context) (*oauth2.Token, error) {
			<-time.After(time.Second)
			fetched++
			return &oauth2.Token{AccessToken: fmt.Sprint("token-", fetched), Expiry: time.Now().Add(time.Hour)}, nil
		}}
		sign := func() string {
			req := request(t, "POST", "https://localhost/")
			if err := s.Sign(req, nil, time.Now()); err != nil {
				t.Error(err)
			}
			return req.Header.Get("Authorization")
		}
		var calls sync.WaitGroup
		for range 50 {
			calls.Go(func() {
				if got := sign(); got != "Bearer token-1" {
					t.Errorf("got %s", got)
				}
			})
		}
		calls.Wait()
		<-time.After(54 * time.Minute)
		if got := sign(); got != "Bearer token-1" || fetched != 1 {
			t.Errorf("got %s after %d fetches", got, fetched)
		}
		<-time.After(2 * time.Minute) // less than early before the end
		if got := sign(); got != "Bearer token-1" {
			t.Errorf("a call waited for a token that it did not need: %s", got)
		}
		<-time.After(2 * time.Second)
		if got := sign(); got != "Bearer token-2" || fetched != 2 {
			t.Errorf("got %s after %d fetches", got, fetched)
		}
		<-time.After(3 * time.Hour)
		if got := sign(); got != "Bearer token-3" {
			t.Errorf("an expired token was used: %s", got)
		}
	})
}

func TestTokensAfterAFailure(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		fails := true
		s := &tokens{name: "Test", secrets: secrets{"s3cr3t-s3cr3t"}, fetch: func(ctx context.Context) (*oauth2.Token, error) {
			if fails {
				return nil, errors.New("refused s3cr3t-s3cr3t")
			}
			return &oauth2.Token{AccessToken: "token", Expiry: time.Now().Add(time.Hour)}, nil
		}}
		if err := s.Sign(request(t, "POST", "https://localhost/"), nil, time.Now()); err == nil || strings.Contains(err.Error(), "s3cr3t") {
			t.Errorf("error %v", err)
		}
		fails = false
		if err := s.Sign(request(t, "POST", "https://localhost/"), nil, time.Now()); err != nil {
			t.Error(err)
		}
	})
}

func TestACallThatEndsWaitsForNoToken(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &tokens{name: "Test", fetch: func(ctx context.Context) (*oauth2.Token, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := s.Sign(request(t, "POST", "https://localhost/").WithContext(ctx), nil, time.Now()); !errors.Is(err, context.DeadlineExceeded) {
			t.Errorf("error %v", err)
		}
		<-time.After(fetchTimeout) // the fetch ends by itself
	})
}
