package httpapi

import (
	"net/http"

	"github.com/danielgtaylor/huma/v2/adapters/humagin"
	"github.com/gin-gonic/gin"

	"weir/gateway/manage"
	"weir/gateway/openapi"
)

const (
	documentPath = "/openapi.json"
	pagePath     = "/docs"
)

// manage serves the management API, the document of all routes, and its page.
func (s *surface) manage(engine *gin.Engine) error {
	api := humagin.New(engine, manage.Config())
	s.Management.Register(api)
	document, err := openapi.Document(api.OpenAPI())
	if err != nil {
		return err
	}
	engine.GET(documentPath, func(c *gin.Context) { c.Data(http.StatusOK, "application/json", document) })
	page := gin.WrapH(openapi.Page(pagePath, documentPath))
	engine.GET(pagePath, page)
	engine.GET(pagePath+"/*file", page)
	return nil
}
