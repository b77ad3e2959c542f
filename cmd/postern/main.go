// Command postern is Caddy with the Postern gateway module and its commands.
package main

import (
	"os"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/postern-gateway/postern/caddymodule"
)

func main() {
	os.Args = caddymodule.Args(os.Args)
	caddycmd.Main()
}
