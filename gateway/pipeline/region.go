package pipeline

import (
	"fmt"

	"weir/gateway/access"
	"weir/gateway/apierror"
	"weir/gateway/provider"
	"weir/gateway/wire"
)

// mayCall asks the caller's access list about the model in a region, "" for one that is
// not known.
func (c *call) mayCall(region string) bool {
	return access.Allowed(c.p.Control, &c.caller, &access.Asked{
		Makes: c.makes, Provider: c.target.Provider.Name, Model: c.target.Model, In: func(named string) bool { return named == region }})
}

func (c *call) notListed() *apierror.Error {
	where := ""
	if c.target.Region != "" {
		where = fmt.Sprintf(" in the region %q", c.target.Region)
	}
	return apierror.New(apierror.ModelNotAllowed, fmt.Sprintf("The API key may not call the model %q%s: its access list does not name it.", c.model, where))
}

// place sees to it that neither the request nor an account leads out of the region: one with a base URL of the
// organisation's own is in none that is known. The one that is planned first refuses the
// call then, and the other one is left out.
func (c *call) place(pinned bool) *apierror.Error {
	if !pinned && !c.target.Named && c.mayCall("") {
		return nil // anywhere is well
	}
	elsewhere := c.elsewhere()
	if !elsewhere && c.account.Placed() && (c.spare == nil || c.spare.Placed()) {
		return nil
	}
	if elsewhere {
		e := apierror.New(apierror.RegionNotAllowed, fmt.Sprintf("The field 'inference_geo' asks for another region than %q, for which this call is. Leave it out.", c.target.Region))
		e.Param = "inference_geo"
		return e
	}
	if !c.account.Placed() {
		return apierror.New(apierror.RegionNotAllowed, fmt.Sprintf("The credential %s has a base URL of its own, whose region is not known, and this call is for one that is. "+
			"Take the base URL away from the credential, or call without a region on a key that may reach any.", c.account.CredentialID))
	}
	c.spare = nil
	return nil
}

// elsewhere tells that the request itself, as it goes out, asks for another region.
func (c *call) elsewhere() bool {
	located, ok := c.req.(wire.Located)
	if !ok || c.conversation != nil { // a translation leaves the field out
		return false
	}
	place := located.Place()
	return place != "" && place != c.target.Region
}

// region is where the call goes, as the ledger has it, "" when it is not known.
func (c *call) region(on *provider.Account) string {
	if on != nil && !on.Placed() {
		return ""
	}
	return c.target.Region
}
