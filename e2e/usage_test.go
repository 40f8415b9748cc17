package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/shopspring/decimal"

	"weir/e2e/stacktest"
)

// used is a part of the answer of a usage call. decimal reads numbers and strings.
type used struct {
	Requests int64           `json:"total_requests"`
	Spend    decimal.Decimal `json:"spend"`
	Groups   []used          `json:"grouped_data"`
}

// usageAgrees says whether the management API tells of the calls since a time what the tables hold, to the last
// digit: in total, and added up by model, for the organisation and for the one key that calls.
func usageAgrees(ctx context.Context, stack *stacktest.Stack, books *stacktest.Books, since time.Time) error {
	rows, err := books.Rows(ctx, `SELECT toString(count()), toString(sum(cost_usd)) FROM weir.usage`)
	if err != nil {
		return err
	}
	want := fmt.Sprint(rows[0][0], " calls for ", decimal.RequireFromString(rows[0][1]))
	query := url.Values{
		"start": {since.UTC().Format(time.RFC3339)}, "end": {since.UTC().Add(48 * time.Hour).Format(time.RFC3339)},
		"resolution": {"hour"}, "group_by": {"model_used", "user_id"},
	}
	for _, path := range []string{"org/usage", "apikey/self/usage"} {
		a := stack.Client().Do(ctx, http.MethodGet, "/v1/manage/"+path+"?"+query.Encode(), nil)
		var got struct{ Usage map[string]used }
		if err := json.Unmarshal([]byte(a.Body), &got); err != nil || a.Status != http.StatusOK {
			return fmt.Errorf("%s is answered %v: %w", path, a, err)
		}
		if quoted := strings.Contains(a.Body, `"spend":"`); quoted == (path == "org/usage") {
			return stacktest.Final(fmt.Errorf("%s: spend as a string is %v", path, quoted))
		}
		var total, groups used
		for _, period := range got.Usage {
			total.Requests, total.Spend = total.Requests+period.Requests, total.Spend.Add(period.Spend)
			for _, group := range period.Groups {
				groups.Requests, groups.Spend = groups.Requests+group.Requests, groups.Spend.Add(group.Spend)
			}
		}
		for _, sum := range []used{total, groups} {
			if told := fmt.Sprint(sum.Requests, " calls for ", sum.Spend); told != want {
				return fmt.Errorf("%s tells of %s, the tables hold %s", path, told, want)
			}
		}
	}
	return nil
}
