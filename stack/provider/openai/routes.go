package openai

import (
	"net/http"
	"slices"

	"weir/stack/provider/answer"
	"weir/stack/provider/exchange"
)

// reader understands the body of one request.
type reader func(r *http.Request, body []byte) (answer.Wish, exchange.Writer, error)

// protocols are the paths below /v1, with what reads their bodies.
func protocols() map[string]struct {
	name string
	read reader
} {
	return map[string]struct {
		name string
		read reader
	}{
		"/chat/completions":     {"chat", readChat},
		"/responses":            {"responses", readResponses},
		"/embeddings":           {"embeddings", readEmbeddings},
		"/images/generations":   {"images", readGeneration},
		"/images/edits":         {"images", readEdit},
		"/audio/speech":         {"speech", readSpeech},
		"/audio/transcriptions": {"transcriptions", readTranscription},
	}
}

// Routes puts OpenAI's paths and Azure's on mux, and the answer to all that is unknown.
func Routes(mux *http.ServeMux, desk *exchange.Desk) {
	for path, p := range protocols() {
		mux.HandleFunc("POST /v1"+path, desk.Handle(exchange.Protocol{Name: p.name, Read: p.read, Refuse: refuse}))
		// Azure's newer paths name the model in the body; the older ones in the path, except for responses.
		azure := exchange.Protocol{Name: "azure-" + p.name, Refuse: refuseAzure}
		azure.Read = keyed(p.read)
		mux.HandleFunc("POST /openai/v1"+path, desk.Handle(azure))
		if p.name != "responses" {
			azure.Read = keyed(versioned(p.read))
			mux.HandleFunc("POST /openai/deployments/{deployment}"+path, desk.Handle(azure))
		}
	}
	mux.HandleFunc("GET /v1/models", func(w http.ResponseWriter, _ *http.Request) { listModels(w, desk.Models) })
	mux.HandleFunc("GET /v1/models/{id}", func(w http.ResponseWriter, r *http.Request) {
		id := r.PathValue("id")
		if !slices.Contains(desk.Models, id) {
			exchange.WriteRefusal(w, r, exchange.Protocol{Refuse: refuse}, answer.UnknownModel(id))
			return
		}
		writeJSON(w, describe(id))
	})
	mux.HandleFunc("/", unknownURL)
}

func describe(id string) object {
	return object{"id": id, "object": "model", "created": 1_767_225_600, "owned_by": "mock"}
}

func listModels(w http.ResponseWriter, models []string) {
	data := make([]object, len(models))
	for i, id := range models {
		data[i] = describe(id)
	}
	writeJSON(w, object{"object": "list", "data": data})
}

// writeJSON writes v; a client that has gone away is noticed by the server, not here.
func writeJSON(w http.ResponseWriter, v any) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(exchange.JSON(v))
}
