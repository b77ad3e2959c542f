package caddymodule

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/spf13/cobra"

	"github.com/postern-gateway/postern/caddymodule/idptest"
	"github.com/postern-gateway/postern/caddymodule/wikitest"
)

func demoCommand() *cobra.Command {
	var listen string
	cmd := &cobra.Command{
		Use:   "demo [--listen ADDR]",
		Short: "Runs a stand-in wiki, a stand-in IdP and the gateway in one process",
		Long: `Runs a stand-in wiki, a stand-in identity provider and the gateway in front of
the wiki, in one process, on loopback. Needs no file and no network. Prints the
address and whom to sign in as, then "ready: URL". Ctrl-C ends it.`,
		Args: cobra.NoArgs,
	}
	cmd.Flags().StringVar(&listen, "listen", "127.0.0.1:8080", "loopback address of the gateway")
	cmd.RunE = run(func(cmd *cobra.Command, _ []string) error {
		ctx, stop := signal.NotifyContext(cmd.Context(), os.Interrupt, syscall.SIGTERM)
		defer stop()
		return demo(ctx, cmd.OutOrStdout(), listen)
	})
	return cmd
}

// demo serves until ctx ends.
func demo(ctx context.Context, out io.Writer, listen string) (err error) {
	host, port, err := net.SplitHostPort(listen)
	if err != nil {
		return fmt.Errorf("--listen %q is not host:port", listen)
	}
	if ip := net.ParseIP(host); host != "localhost" && (ip == nil || !ip.IsLoopback()) {
		return fmt.Errorf("--listen %s: the demo serves loopback only", listen)
	}
	if l, err := net.Listen("tcp", listen); err != nil { //nolint:noctx // a probe, closed at once
		return fmt.Errorf("the demo can't listen on %s (choose another with --listen): %w", listen, err)
	} else if port == "0" {
		_, port, _ = net.SplitHostPort(l.Addr().String())
		_ = l.Close() // probed
	} else {
		_ = l.Close() // probed
	}
	site := "http://" + net.JoinHostPort(host, port)

	dir, err := os.MkdirTemp("", "postern-demo-")
	if err != nil {
		return fmt.Errorf("making a folder for the demo's rules: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	policy := filepath.Join(dir, "demo.yaml")
	if err := os.WriteFile(policy, wikitest.DemoPolicy, 0o600); err != nil {
		return fmt.Errorf("writing the demo's rules: %w", err)
	}

	world := wikitest.DemoWorld()
	wiki := wikitest.NewServer(world)
	defer wiki.Close()
	idp := idptest.NewServer(demoIdP(site))
	defer idp.Close()

	config, err := demoConfig(demoSetup{site: site, wiki: wiki.URL, alias: world.Base, idp: idp.URL, policy: policy, listen: net.JoinHostPort(host, port)})
	if err != nil {
		return err
	}
	if err := caddy.Load(config, true); err != nil {
		return fmt.Errorf("starting the gateway: %w", err)
	}
	defer func() { err = errors.Join(err, caddy.Stop()) }()
	if err := awaitReady(ctx, site); err != nil {
		return err
	}
	demoBanner(out, site, wiki.URL)
	<-ctx.Done()
	fmt.Fprintln(out, "stopped")
	return nil
}

func demoIdP(site string) idptest.Config {
	conf := idptest.Config{Clients: []idptest.Client{{
		ID: "postern", Secret: "demo-client-secret",
		RedirectURIs:           []string{site + "/.postern/callback/demo-idp"},
		PostLogoutRedirectURIs: []string{site + "/.postern/signedout"},
		BackChannelLogoutURI:   site + "/.postern/backchannel/demo-idp",
	}}}
	for _, a := range wikitest.DemoAccounts() {
		conf.Accounts = append(conf.Accounts, idptest.Account{
			Username: a.Username, Password: a.Password, Sub: "demo-" + a.Username,
			Name: a.Display, Email: a.Email, EmailVerified: true, Groups: a.Groups,
		})
	}
	return conf
}

// demoSetup is where the demo's parts are.
type demoSetup struct {
	site, wiki, alias, idp, policy, listen string
	// external is how externals are known to the wiki; nil: by a service account.
	external *UpstreamIdentity
}

// demoConfig is the JSON of a configuration as in Caddyfile.example.
func demoConfig(d demoSetup) ([]byte, error) {
	if d.external == nil {
		d.external = &UpstreamIdentity{Identity: "service", Value: wikitest.DemoReadToken}
	}
	var aliases []string
	if d.alias != "" {
		aliases = []string{d.alias}
	}
	app := App{
		Site: d.site, Rules: []string{d.policy}, Store: "sqlite::memory:",
		Wiki: &Wiki{URL: d.wiki, Aliases: aliases, SyncToken: wikitest.DemoSyncToken, SyncEvery: caddy.Duration(time.Minute)},
		Providers: []*Provider{{
			Name: "demo-idp", Issuer: d.idp, ClientID: "postern", ClientSecret: "demo-client-secret",
		}},
		UpstreamIdentity: map[string]*UpstreamIdentity{
			"internal": {Identity: "header", Value: "X-Remote-User"},
			"external": d.external,
			"":         {Identity: "service", Value: wikitest.DemoReadToken},
		},
	}
	type object = map[string]any
	return json.Marshal(object{ //nolint:wrapcheck // can't fail
		"admin":   object{"disabled": true, "config": object{"persist": false}},
		"logging": object{"logs": object{"default": object{"level": "WARN"}}},
		"apps": object{
			"postern": app,
			"http": object{"grace_period": "1s", "servers": object{"demo": object{
				"listen":          []string{d.listen},
				"automatic_https": object{"disable": true},
				"routes": []object{{"handle": []object{
					{"handler": "encode", "encodings": object{"gzip": object{}}},
					{"handler": "postern"},
					{"handler": "reverse_proxy", "upstreams": []object{{"dial": d.wiki[len("http://"):]}}},
				}}},
			}}},
		},
	})
}

// awaitReady polls the gateway until it has rules and directory.
func awaitReady(ctx context.Context, site string) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, site+"/.postern/ready", nil)
		if err != nil {
			return fmt.Errorf("asking for readiness: %w", err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err == nil {
			_ = resp.Body.Close() // only the status counts
			if resp.StatusCode == http.StatusOK {
				return nil
			}
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("the gateway did not get ready: %w", ctx.Err())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

func demoBanner(out io.Writer, site, wiki string) {
	fmt.Fprintf(out, "Postern's demo: a wiki behind the gateway (the wiki itself, unguarded: %s).\n", wiki)
	fmt.Fprintf(out, "Open %s and sign in as one of these:\n\n", site)
	w := tabwriter.NewWriter(out, 0, 4, 3, ' ', 0)
	fmt.Fprintln(w, "  USER\tPASSWORD\tWHO")
	for _, a := range wikitest.DemoAccounts() {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", a.Username, a.Password, a.Role)
	}
	_ = w.Flush() // a terminal
	fmt.Fprintf(out, "\nSign out at %s/.postern/signout to change roles. Ctrl-C ends the demo.\n\nready: %s\n", site, site)
}
