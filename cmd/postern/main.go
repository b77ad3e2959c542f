// Command postern is Caddy with the Postern gateway module and its commands.
package main

import (
	"github.com/postern-gateway/postern/caddymodule"

	_ "github.com/caddyserver/caddy/v2/modules/standard"
)

func main() { caddymodule.Main() }
