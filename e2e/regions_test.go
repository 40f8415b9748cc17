package e2e_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"weir/e2e/stacktest"
)

// TestAPinnedKeyOnTwoGateways pins a key to a region at one gateway: both go there from then on and nowhere else, on
// the gateway's account and on the organisation's own of AWS, whose signature the mock checks; the books say where.
func TestAPinnedKeyOnTwoGateways(t *testing.T) {
	base := "base_url: " + strings.TrimSuffix(stacktest.URL(shared.Provider), "/v1") + "/v1"
	regions := strings.Replace(base, "base_url", "region_url", 1) + "?in={region}"
	edits := []string{base, base + "\n      " + regions, "protocol: bedrock-converse", "protocol: bedrock-converse\n      auth: aws\n      region: eu"}
	gateways := []*stacktest.Client{shared.OwnGateway(t, edits...), shared.OwnGateway(t, edits...)}

	var key struct {
		ID     string `json:"api_key_id"`
		Secret string `json:"api_key"`
	}
	manage(t, gateways[0], http.MethodPost, "apikey", `{"name":"pinned","regions":["eu"],"credential_strategy":"own_then_gateway"}`, &key)
	var credential struct{ ID, Hint string }
	manage(t, gateways[0], http.MethodPost, "credential", `{"provider":"mock-bedrock","key_id":"`+key.ID+
		`","api_key":{"access_key_id":"AKIDEXAMPLEEXAMPLE","secret_access_key":"a-secret-of-nobody","region":"eu-west-1"}}`, &credential)
	if credential.Hint != "MPLE" {
		t.Errorf("the credential is %+v", credential)
	}
	call := func(client *stacktest.Client, model string) stacktest.Answer {
		return client.Chat(t.Context(), stacktest.ChatBody(model, ""), "Authorization", "Bearer "+key.Secret)
	}
	var ids []string
	for i, client := range gateways {
		// The other gateway hears of the key and of its credential from the log.
		stacktest.Eventually(t, visible, func() error {
			if a := client.Do(t.Context(), http.MethodGet, "/v1/manage/credential/"+credential.ID, nil); a.Status != http.StatusOK {
				return fmt.Errorf("gateway %d answers %v", i, a)
			}
			return nil
		})
		for _, model := range []string{"mock/small", "mock/small@eu", "mock-bedrock/small"} {
			a := call(client, model)
			if a.Status != http.StatusOK {
				t.Errorf("gateway %d answers a call of %s with %v", i, model, a)
			}
			ids = append(ids, a.RequestID)
		}
		for _, model := range []string{"mock/small@us", "mock-anthropic/small"} {
			if a := call(client, model); a.Status != http.StatusForbidden || !strings.Contains(a.Body, "region_not_allowed") {
				t.Errorf("gateway %d answers a call of %s with %v", i, model, a)
			}
		}
	}
	books := stacktest.OpenBooks(t, shared)
	stacktest.Eventually(t, visible, func() error {
		rows, err := books.Rows(t.Context(), `SELECT toString(region), toString(countIf(status = 200)), toString(countIf(byok)), toString(countIf(error_kind = 'region_not_allowed'))
			FROM weir.usage WHERE key_id = ? GROUP BY region ORDER BY region`, key.ID)
		if err != nil {
			return err
		}
		if got, want := fmt.Sprint(rows), fmt.Sprintf("[[ 0 0 4] [eu %d 2 0]]", len(ids)); got != want {
			return errors.New("the books have by region " + got + ", want " + want)
		}
		return nil
	})
}
