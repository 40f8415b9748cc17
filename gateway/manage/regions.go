package manage

import (
	"fmt"
	"slices"

	"weir/gateway/apierror"
	"weir/gateway/manage/access"
	"weir/gateway/provider"
	"weir/internal/control"
	"weir/schemas"
)

// maxRegions bounds a pin.
const maxRegions = 64

// setRegions replaces a pin; nil leaves what there is.
func setRegions(to *[]string, in *[]string) *apierror.Error {
	if in == nil {
		return nil
	}
	if len(*in) > maxRegions {
		return apierror.Invalid("regions", fmt.Sprintf("regions has %d entries; at most %d are allowed.", len(*in), maxRegions))
	}
	for i, region := range *in {
		at := fmt.Sprintf("regions[%d]", i)
		switch {
		case len(region) > maxName || !provider.IsRegion(region):
			return apierror.Invalid(at, at+" is not a region such as eu-west-1: small letters, digits and -, a letter first.")
		case slices.Contains((*in)[:i], region):
			return apierror.Invalid(at, at+" is there twice: "+region+".")
		}
	}
	*to = *in
	return nil
}

// setKeyRegions sets a key's pin: where its calls may go is not for those to say who
// make them. It must be within its organisation's.
func (m *Management) setKeyRegions(c *call, k *schemas.ApiKey, in *[]string) error {
	before := k.Regions
	if e := setRegions(&k.Regions, in); e != nil {
		return e
	}
	if in == nil || slices.Equal(k.Regions, before) {
		return nil
	}
	if c.scope != access.All {
		return notPermitted("Only an owner or admin may change the regions of a key.")
	}
	org, _ := control.Get[*schemas.Organization](m.State, c.org, c.org)
	for i, region := range k.Regions {
		if pins := org.Value.GetRegions(); len(pins) > 0 && !slices.Contains(pins, region) {
			at := fmt.Sprintf("regions[%d]", i)
			return apierror.Invalid(at, at+" is none of the organisation's regions. Change these first, or name one of them.")
		}
	}
	return nil
}
