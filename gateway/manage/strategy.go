package manage

import (
	"weir/gateway/apierror"
	"weir/schemas"
)

// strategies are the names of the credential strategies; that of the next larger
// scope is null in an answer and "" in a request.
func strategies() map[string]schemas.CredentialStrategy {
	return map[string]schemas.CredentialStrategy{
		"":                 schemas.CredentialStrategy_CREDENTIAL_STRATEGY_UNSPECIFIED,
		"gateway_key":      schemas.CredentialStrategy_CREDENTIAL_STRATEGY_GATEWAY_KEY,
		"own_key":          schemas.CredentialStrategy_CREDENTIAL_STRATEGY_OWN_KEY,
		"own_then_gateway": schemas.CredentialStrategy_CREDENTIAL_STRATEGY_OWN_THEN_GATEWAY,
		"gateway_then_own": schemas.CredentialStrategy_CREDENTIAL_STRATEGY_GATEWAY_THEN_OWN,
	}
}

// strategyName is a strategy of an answer.
func strategyName(s schemas.CredentialStrategy) *string {
	for name, strategy := range strategies() {
		if strategy == s {
			return orNull(name)
		}
	}
	return nil
}

// setStrategy replaces a strategy; nil leaves what there is.
func setStrategy(to *schemas.CredentialStrategy, in *string) *apierror.Error {
	if in == nil {
		return nil
	}
	s, ok := strategies()[*in]
	if !ok {
		return apierror.Invalid("credential_strategy", `credential_strategy is not one of gateway_key, own_key, own_then_gateway, gateway_then_own, or "" for that of the next larger scope.`)
	}
	*to = s
	return nil
}
