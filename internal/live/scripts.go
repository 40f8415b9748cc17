package live

import (
	"embed"

	"github.com/redis/go-redis/v9"
)

//go:embed scripts/*.lua
var sources embed.FS

// scripts are those that Redis runs, by the names of their files. Each file says
// what its keys and arguments are.
type scripts struct {
	apply, advance                                           *redis.Script
	begin, restoring, restore, restored, posted, complete    *redis.Script
	rates                                                    *redis.Script
	reserve, post, beat, look, mark, register, adopt, endAll *redis.Script
}

func newScripts() *scripts {
	return &scripts{
		apply: script("amounts", "apply"), advance: script("advance"), rates: script("rates"),
		begin: script("begin"), restoring: script("restoring"), restore: script("restore"),
		restored: script("amounts", "restored"), posted: script("posted"), complete: script("complete"),
		reserve: script("amounts", "reserve"), post: script("amounts", "post"), beat: script("beat"), look: script("look"),
		mark: script("mark"), register: script("register"), adopt: script("amounts", "adopt"), endAll: script("end"),
	}
}

// script reads files that are one script. They are embedded: that they are there
// is known when the program is built.
func script(files ...string) *redis.Script {
	var source []byte
	for _, file := range files {
		text, err := sources.ReadFile("scripts/" + file + ".lua")
		if err != nil {
			panic(err)
		}
		source = append(source, text...)
	}
	return redis.NewScript(string(source))
}
