package httpapi

import (
	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"weir/gateway/manage"
)

// manage serves the management API.
func (s *surface) manage(engine *gin.Engine) {
	api := humagin.New(engine, manage.Config())
	s.Management.Register(api)
}
