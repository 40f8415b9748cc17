package openapi

import (
	"net/http"

	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"
)

// pagePolicy keeps the page to the gateway that it came from.
const pagePolicy = "default-src 'none'; script-src 'self' 'unsafe-inline'; style-src 'self' 'unsafe-inline'; " +
	"img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// Page is the reference under the path: Swagger UI, compiled in, for the document
// at the other path. Its button "Authorize" takes a key, which is forgotten when
// the page is left.
func Page(path, document string) http.Handler {
	page := v5emb.NewHandlerWithConfig(swgui.Config{
		Title: "Weir", SwaggerJSON: document, BasePath: path, HideCurl: false,
		SettingsUI: map[string]string{"tryItOutEnabled": "true", "defaultModelsExpandDepth": "0", "docExpansion": `"none"`},
	})
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Security-Policy", pagePolicy)
		w.Header().Set("Referrer-Policy", "no-referrer")
		page.ServeHTTP(w, r)
	})
}
