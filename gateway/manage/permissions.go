package manage

import "weir/schemas"

// permissions of a key in a request and an answer.
type permissions struct {
	Manage      string `json:"manage" required:"false" enum:"none,read,write" doc:"The management API"`
	Completions string `json:"completions" required:"false" enum:"none,read,write" doc:"Inference, for which write is needed"`
}

func permissionName(p schemas.Permission) string {
	switch p {
	case schemas.Permission_PERMISSION_READ:
		return "read"
	case schemas.Permission_PERMISSION_WRITE:
		return "write"
	}
	return "none"
}

// permissionOf reads a name; "" leaves what there is.
func permissionOf(name string, present schemas.Permission) schemas.Permission {
	switch name {
	case "none":
		return schemas.Permission_PERMISSION_NONE
	case "read":
		return schemas.Permission_PERMISSION_READ
	case "write":
		return schemas.Permission_PERMISSION_WRITE
	}
	return present
}
