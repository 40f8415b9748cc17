// Package httpapi is the gateway's HTTP surface: routes, probes, the model
// list, CORS, and what is answered to a path or method that does not exist. It
// is the only importer of Gin.
//
// Guarantee: every answer under /v1 is OpenAI's shape, or at Messages Anthropic's, errors included, and
// carries x-requesty-request-id. Inference calls are the pipeline's alone: no
// middleware stands between it and the connection.
//
// Concurrency: the handler serves any number of requests. Failure: a panic in
// an inference call ends in the pipeline, any other in net/http, which closes
// the connection and logs it.
package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"
	"github.com/gin-gonic/gin"

	"weir/gateway/access"
	"weir/gateway/apierror"
	"weir/gateway/auth"
	"weir/gateway/provider"
	"weir/gateway/wire/messages"
	"weir/internal/control"
	"weir/schemas"
)

// Inference serves the inference endpoints.
type Inference interface {
	ChatCompletions(w http.ResponseWriter, r *http.Request)
	Responses(w http.ResponseWriter, r *http.Request)
	Messages(w http.ResponseWriter, r *http.Request)
	CountTokens(w http.ResponseWriter, r *http.Request)
	Embeddings(w http.ResponseWriter, r *http.Request)
	ImageGenerations(w http.ResponseWriter, r *http.Request)
	ImageEdits(w http.ResponseWriter, r *http.Request)
	Speech(w http.ResponseWriter, r *http.Request)
	Transcriptions(w http.ResponseWriter, r *http.Request)
}

// Management adds the operations of the management API.
type Management interface {
	Register(api huma.API)
}

// Options are what the surface stands on.
type Options struct {
	Inference Inference
	Keys      auth.Keys
	Control   *control.State // whose access lists narrow the models
	Models    *Models
	Live      http.HandlerFunc // /healthz
	Ready     http.HandlerFunc // /readyz
	Metrics   http.Handler

	Management Management
}

// surface holds the handlers.
type surface struct{ Options }

// New returns the handler of all routes.
func New(o Options) (http.Handler, error) {
	s := &surface{o}
	gin.SetMode(gin.ReleaseMode)
	engine := gin.New()
	engine.RedirectTrailingSlash = false
	engine.HandleMethodNotAllowed = true
	engine.Use(cors)
	for path, serve := range s.inference() {
		handler := func(c *gin.Context) { serve(c.Writer, c.Request) }
		engine.POST(path, handler)
		if strings.HasPrefix(path, "/v1/messages") { // Anthropic's SDKs append /v1/messages to a base URL
			engine.POST("/anthropic"+path, handler)
		}
	}
	engine.GET("/v1/models", s.listModels)
	engine.GET("/v1/models/*id", s.getModel)
	engine.GET("/v1/auth/check", s.checkKey)
	probed := []string{http.MethodGet, http.MethodHead} // many load balancers and watchers of uptime ask by HEAD
	engine.Match(probed, "/healthz", gin.WrapF(o.Live))
	engine.Match(probed, "/readyz", gin.WrapF(o.Ready))
	engine.GET("/metrics", gin.WrapH(o.Metrics))
	engine.UseRawPath = true // an end user's id may contain a slash
	if err := s.manage(engine); err != nil {
		return nil, err
	}
	engine.NoRoute(func(c *gin.Context) {
		fail(c, apierror.New(apierror.UnknownRoute, fmt.Sprintf("Unknown request URL: %s %s.", c.Request.Method, clip(c.Request.URL.Path))))
	})
	engine.NoMethod(func(c *gin.Context) {
		fail(c, apierror.New(apierror.WrongMethod, fmt.Sprintf("%s is not a method of %s.", clip(c.Request.Method), clip(c.Request.URL.Path))))
	})
	return engine, nil
}

// inference is what serves each inference endpoint.
func (s *surface) inference() map[string]http.HandlerFunc {
	if s.Inference == nil {
		return nil // a surface of the management API alone
	}
	return map[string]http.HandlerFunc{
		"/v1/chat/completions":      s.Inference.ChatCompletions,
		"/v1/responses":             s.Inference.Responses,
		"/v1/messages":              s.Inference.Messages,
		"/v1/messages/count_tokens": s.Inference.CountTokens,
		"/v1/embeddings":            s.Inference.Embeddings,
		"/v1/images/generations":    s.Inference.ImageGenerations,
		"/v1/images/edits":          s.Inference.ImageEdits,
		"/v1/audio/speech":          s.Inference.Speech,
		"/v1/audio/transcriptions":  s.Inference.Transcriptions,
	}
}

// clip bounds what an error repeats of a request.
func clip(s string) string { return s[:min(len(s), 256)] }

// fail answers with an error outside the pipeline, where Anthropic's SDKs ask in the
// shape that they read.
func fail(c *gin.Context, e *apierror.Error) {
	id := schemas.NewRequestID()
	c.Header("X-Requesty-Request-Id", id)
	if path := c.Request.URL.Path; strings.HasPrefix(path, "/anthropic/") || strings.HasPrefix(path, "/v1/messages") {
		body := messages.Format{}.AppendError(nil, e, id)
		e.Head(c.Writer.Header(), len(body))
		c.Data(e.Status, "application/json", body)
		return
	}
	e.Write(c.Writer)
}

// name gives an answer outside the pipeline its id.
func name(c *gin.Context) { c.Header("X-Requesty-Request-Id", schemas.NewRequestID()) }

// cors lets SDKs in browsers in: keys are bearer tokens, never cookies, so any
// origin may ask.
func cors(c *gin.Context) {
	if c.GetHeader("Origin") == "" {
		return
	}
	h := c.Writer.Header()
	h.Set("Access-Control-Allow-Origin", "*")
	if c.Request.Method != http.MethodOptions {
		h.Set("Access-Control-Expose-Headers", "x-requesty-provider, x-requesty-model, x-requesty-cache, x-requesty-latency-ms, "+
			"x-requesty-request-id, x-requesty-attempts, x-requesty-cost-usd, x-requesty-policy, x-requesty-warnings, retry-after, "+
			"x-ratelimit-limit-requests, x-ratelimit-remaining-requests, x-ratelimit-reset-requests, "+
			"x-ratelimit-limit-tokens, x-ratelimit-remaining-tokens, x-ratelimit-reset-tokens, etag")
		return
	}
	h.Set("Access-Control-Allow-Methods", "GET, POST, PUT, PATCH, DELETE, OPTIONS")
	if asked := c.GetHeader("Access-Control-Request-Headers"); asked != "" {
		h.Set("Access-Control-Allow-Headers", asked) // "*" would not cover Authorization
	}
	h.Set("Access-Control-Max-Age", "86400")
	h.Add("Vary", "Access-Control-Request-Headers")
	c.AbortWithStatus(http.StatusNoContent)
}

// optionalKey refuses a request whose key is bad, and lets one without a key in.
// may is nil for one without: it sees all models.
func (s *surface) optionalKey(c *gin.Context) (may Allows, ok bool) {
	if _, given := auth.Credentials(c.Request.Header); !given {
		return nil, true
	}
	caller, e := auth.Authenticate(s.Keys, c.Request.Header, time.Now())
	if e != nil {
		fail(c, e)
		return nil, false
	}
	regions, pinned := access.Regions(&caller)
	return func(m access.Modality, at *provider.Provider, model string) bool {
		if pinned {
			if _, e := at.Home(model).Within(regions); e != nil {
				return false
			}
		}
		return access.Allowed(s.Control, &caller, &access.Asked{Makes: m, Provider: at.Name, Model: model, In: func(region string) bool {
			return at.Has(region) && (!pinned || slices.Contains(regions, region))
		}})
	}, true
}

func (s *surface) listModels(c *gin.Context) {
	may, ok := s.optionalKey(c)
	if !ok {
		return
	}
	list := s.Models.list
	if may != nil {
		list = s.Models.write(may)
	}
	name(c)
	c.Data(http.StatusOK, "application/json", list)
}

func (s *surface) getModel(c *gin.Context) {
	may, ok := s.optionalKey(c)
	if !ok {
		return
	}
	id := strings.TrimPrefix(c.Param("id"), "/")
	m, ok := s.Models.find(id)
	switch {
	case !ok:
		fail(c, apierror.New(apierror.UnknownModel, fmt.Sprintf("The model %q does not exist.", clip(id))))
	case may != nil && !may(m.makes, m.provider, m.model):
		fail(c, apierror.New(apierror.ModelNotAllowed, fmt.Sprintf("The API key may not call the model %q: its access list does not name it, or it is in no region that the key may reach.", clip(id))))
	default:
		name(c)
		c.Data(http.StatusOK, "application/json", m.text)
	}
}

func (s *surface) checkKey(c *gin.Context) {
	caller, e := auth.Authenticate(s.Keys, c.Request.Header, time.Now())
	if e != nil {
		fail(c, e)
		return
	}
	name(c)
	body, err := json.Marshal(map[string]any{"status": "ok", "key": map[string]string{"id": caller.Key.KeyId, "name": caller.Key.Name}})
	if err != nil {
		fail(c, apierror.New(apierror.Internal, "The gateway failed."))
		return
	}
	c.Data(http.StatusOK, "application/json", body)
}
