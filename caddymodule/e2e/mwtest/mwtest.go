package mwtest

import (
	"bytes"
	"context"
	_ "embed"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"
)

//go:embed world.php
var worldPHP []byte

// Options says how a wiki is made.
type Options struct {
	// World is what it holds; nil leaves it as installed.
	World *World
	// Server is the wiki's own idea of its address ($wgServer). Left out, its
	// loopback address.
	Server string
	// Dir is the folder under which the temporary folder is made. Left out,
	// /dev/shm where there is one, else the system's.
	Dir string
	// Settings is appended to the settings file, in PHP.
	Settings string
	// Clock, if set, is the moment (in Unix seconds) at which the wiki's clock
	// stands still; what the installation made is then four days older.
	Clock int64
}

// Wiki is a running wiki.
type Wiki struct {
	URL   string // http://127.0.0.1:PORT
	Dir   string
	World *World

	procs []*exec.Cmd
	port  int
}

// ErrMissing is wrapped by Start's error when a program or file of the system
// is not there; the message names the Debian package to install.
var ErrMissing = errors.New("not installed")

const source = "/usr/share/mediawiki"

// programs finds what is needed.
func programs() (php, fpm, nginx string, err error) {
	var missing []string
	look := func(pkg string, names ...string) string {
		for _, n := range names {
			if p, err := exec.LookPath(n); err == nil {
				return p
			}
			for _, d := range []string{"/usr/sbin", "/usr/bin", "/sbin", "/usr/local/sbin"} {
				if m, _ := filepath.Glob(filepath.Join(d, n)); len(m) > 0 {
					return m[len(m)-1]
				}
			}
		}
		missing = append(missing, pkg)
		return ""
	}
	php = look("php-cli", "php", "php8*")
	fpm = look("php-fpm", "php-fpm", "php-fpm[0-9]*")
	nginx = look("nginx-light", "nginx")
	if _, err := os.Stat(filepath.Join(source, "maintenance/install.php")); err != nil {
		missing = append(missing, "mediawiki")
	}
	if php != "" {
		out, _ := exec.Command(php, "-m").Output()
		for mod, pkg := range map[string]string{"pdo_sqlite": "php-sqlite3", "mbstring": "php-mbstring", "xml": "php-xml", "intl": "php-intl"} {
			if !strings.Contains(strings.ToLower(string(out)), mod+"\n") {
				missing = append(missing, pkg)
			}
		}
	}
	if len(missing) > 0 {
		return "", "", "", fmt.Errorf("this test runs the wiki that Debian ships: %w: apt-get install --no-install-recommends %s",
			ErrMissing, strings.Join(missing, " "))
	}
	return php, fpm, nginx, nil
}

// Start installs, serves and fills a wiki. The caller must Close it, also when
// the test fails; Close is called here if Start fails.
func Start(ctx context.Context, o Options) (_ *Wiki, err error) {
	php, fpm, nginx, err := programs()
	if err != nil {
		return nil, err
	}
	if o.Dir == "" {
		if st, err := os.Stat("/dev/shm"); err == nil && st.IsDir() {
			o.Dir = "/dev/shm"
		}
	}
	dir, err := os.MkdirTemp(o.Dir, "mwtest-")
	if err != nil {
		return nil, fmt.Errorf("making the wiki's folder: %w", err)
	}
	w := &Wiki{Dir: dir, World: o.World}
	defer func() {
		if err != nil {
			w.Close()
		}
	}()
	if err := os.Chmod(dir, 0o755); err != nil {
		return nil, err
	}
	for _, d := range []string{"data", "images", "cache", "tmp", "conf", "log"} {
		if err := os.Mkdir(w.path(d), 0o755); err != nil {
			return nil, err
		}
	}
	if w.port, err = freePort(); err != nil {
		return nil, err
	}
	w.URL = fmt.Sprintf("http://127.0.0.1:%d", w.port)
	if o.Server == "" {
		o.Server = w.URL
	}
	if err := w.install(ctx, php, o); err != nil {
		return nil, err
	}
	if err := w.serve(fpm, nginx); err != nil {
		return nil, err
	}
	return w, w.ready(ctx)
}

func (w *Wiki) path(p ...string) string { return filepath.Join(append([]string{w.Dir}, p...)...) }

func freePort() (int, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return 0, fmt.Errorf("finding a free port: %w", err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port, nil
}

// php runs one of the wiki's own command-line programs.
func (w *Wiki) php(ctx context.Context, php string, args ...string) error {
	cmd := exec.CommandContext(ctx, php, append([]string{"-d", "opcache.enable_cli=0", "-d", "memory_limit=512M"}, args...)...)
	cmd.Env = append(os.Environ(), "MW_CONFIG_FILE="+w.path("conf", "LocalSettings.php"), "MW_INSTALL_PATH="+source, "TMPDIR="+w.path("tmp"))
	cmd.Dir = w.Dir
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("running %s: %w\n%s", filepath.Base(args[0]), err, bytes.TrimSpace(out))
	}
	return nil
}

// SetPassword gives a user a password to sign in with.
func (w *Wiki) SetPassword(ctx context.Context, user, password string) error {
	php, err := exec.LookPath("php")
	if err != nil {
		return fmt.Errorf("looking for PHP: %w", err)
	}
	return w.php(ctx, php, filepath.Join(source, "maintenance", "changePassword.php"), "--user", user, "--password", password)
}

func (w *Wiki) install(ctx context.Context, php string, o Options) error {
	m := func(n string) string { return filepath.Join(source, "maintenance", n) }
	err := w.php(ctx, php, m("install.php"), "--dbtype", "sqlite", "--dbpath", w.path("data"), "--dbname", "wiki",
		"--confpath", w.path("conf"), "--server", o.Server, "--scriptpath", "/w", "--lang", "en",
		"--pass", "a long pass phrase 1", "Test Wiki", "Installer")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(w.path("conf", "LocalSettings.php"), os.O_APPEND|os.O_WRONLY, 0)
	if err != nil {
		return err
	}
	_, err = f.WriteString(w.settings(o))
	if err := errors.Join(err, f.Close()); err != nil {
		return fmt.Errorf("writing the settings: %w", err)
	}
	if err := w.php(ctx, php, m("update.php"), "--quick"); err != nil {
		return err
	}
	if o.World == nil {
		return nil
	}
	if err := w.fill(ctx, php, o.World, o.Clock); err != nil {
		return err
	}
	return w.php(ctx, php, m("runJobs.php"))
}

func (w *Wiki) settings(o Options) string {
	var b strings.Builder
	b.WriteString(`
$wgArticlePath = '/wiki/$1';
$wgUsePathInfo = true;
$wgEnableUploads = true;
$wgUploadDirectory = '` + w.path("images") + `';
$wgUploadPath = '/w/images';
$wgTmpDirectory = '` + w.path("tmp") + `';
$wgCacheDirectory = '` + w.path("cache") + `';
$wgLocalisationCacheConf['store'] = 'array';
$wgMainCacheType = CACHE_ACCEL;
$wgAutoblockExpiry = 0; // all come from one address, blocked people among them
$wgParserCacheType = CACHE_ACCEL;
$wgSessionCacheType = CACHE_ACCEL;
$wgJobRunRate = 0;
$wgShowExceptionDetails = true;
$wgUseImageMagick = false;
wfLoadSkin( 'Vector' );
wfLoadExtension( 'ParserFunctions' );
wfLoadExtension( 'Cite' );
wfLoadExtension( 'CategoryTree' );
wfLoadExtension( 'PageImages' );
wfLoadExtension( 'TextExtracts' );
`)
	if o.World != nil {
		for _, n := range o.World.Namespaces {
			name := strings.NewReplacer(" ", "_", "'", `\'`).Replace(n.Name)
			fmt.Fprintf(&b, "$wgExtraNamespaces[%d] = '%s'; $wgExtraNamespaces[%d] = '%s_talk';\n", n.ID, name, n.ID+1, name)
			fmt.Fprintf(&b, "$wgNamespacesWithSubpages[%d] = true; $wgNamespacesToBeSearchedDefault[%d] = true;\n", n.ID, n.ID)
			if n.Alias != "" {
				fmt.Fprintf(&b, "$wgNamespaceAliases['%s'] = %d;\n", n.Alias, n.ID)
			}
		}
		for _, g := range o.World.Groups {
			fmt.Fprintf(&b, "$wgGroupPermissions['%s']['autopatrol'] = true;\n", g.Word)
		}
	}
	if o.Clock != 0 {
		fmt.Fprintf(&b, "\\Wikimedia\\Timestamp\\ConvertibleTimestamp::setFakeTime( %d );\n", o.Clock)
	}
	b.WriteString(o.Settings)
	return b.String()
}

// fill plays the world's script.
func (w *Wiki) fill(ctx context.Context, php string, world *World, clock int64) error {
	type user struct {
		Name     string   `json:"name"`
		RealName string   `json:"real_name"`
		Email    string   `json:"email"`
		Groups   []string `json:"groups,omitempty"`
	}
	var script struct {
		Clock int64  `json:"clock,omitempty"`
		Users []user `json:"users"`
		Acts  []act  `json:"acts"`
	}
	script.Clock = clock
	for _, p := range world.People {
		script.Users = append(script.Users, user{p.Name, p.RealName, p.Email, p.Groups})
	}
	script.Acts = append(script.Acts, world.acts...)
	for i := range script.Acts {
		a := &script.Acts[i]
		if a.Act != "upload" {
			continue
		}
		a.Path = w.path("tmp", fmt.Sprintf("upload%d.png", i))
		if err := os.WriteFile(a.Path, world.files[a.Title], 0o644); err != nil {
			return err
		}
	}
	data, err := json.Marshal(script)
	if err != nil {
		return err
	}
	if err := errors.Join(os.WriteFile(w.path("tmp", "world.json"), data, 0o644), os.WriteFile(w.path("tmp", "world.php"), worldPHP, 0o644)); err != nil {
		return fmt.Errorf("writing the world: %w", err)
	}
	return w.php(ctx, php, w.path("tmp", "world.php"), w.path("tmp", "world.json"))
}

// serve starts php-fpm and nginx with configurations of their own.
func (w *Wiki) serve(fpm, nginx string) error {
	root := os.Geteuid() == 0
	user := ""
	ngUser := ""
	if root {
		user, ngUser = "user = root\ngroup = root\n", "user root;\n"
	}
	sock := w.path("tmp", "fpm.sock")
	pool := "[global]\nerror_log = " + w.path("log", "fpm.log") + "\ndaemonize = no\npid = " + w.path("tmp", "fpm.pid") + "\n[wiki]\n" + user +
		"listen = " + sock + "\npm = static\npm.max_children = 4\nclear_env = yes\n" +
		"env[MW_CONFIG_FILE] = " + w.path("conf", "LocalSettings.php") + "\nenv[MW_INSTALL_PATH] = " + source + "\nenv[PATH] = /usr/bin:/bin\n" +
		"env[TMPDIR] = " + w.path("tmp") + "\n"
	conf := ngUser + "daemon off;\nworker_processes 1;\npid " + w.path("tmp", "nginx.pid") + ";\nerror_log " + w.path("log", "nginx.log") + ";\n" +
		`events { worker_connections 256; }
http {
	types { text/html html; text/css css; application/javascript js; image/png png; image/svg+xml svg; image/gif gif; image/jpeg jpg jpeg; image/x-icon ico; application/json json; font/woff woff; font/woff2 woff2; }
	default_type application/octet-stream;
	access_log off;
	client_body_temp_path ` + w.path("tmp", "body") + `;
	proxy_temp_path ` + w.path("tmp", "proxy") + `;
	fastcgi_temp_path ` + w.path("tmp", "fastcgi") + `;
	uwsgi_temp_path ` + w.path("tmp", "uwsgi") + `;
	scgi_temp_path ` + w.path("tmp", "scgi") + `;
	server {
		listen 127.0.0.1:` + fmt.Sprint(w.port) + `;
		server_name _;
		root ` + source + `;
		client_max_body_size 20m;
		location = / { return 301 /wiki/Main_Page; }
		location /wiki/ { fastcgi_param SCRIPT_FILENAME ` + source + `/index.php; fastcgi_param SCRIPT_NAME /w/index.php; ` + fastcgi(sock) + ` }
		location ~ ^/w/(?<script>index|api|load|thumb|opensearch_desc|rest|img_auth)\.php(?<info>/.*)?$ { fastcgi_param SCRIPT_FILENAME ` + source + `/$script.php; fastcgi_param SCRIPT_NAME /w/$script.php; fastcgi_param PATH_INFO $info; ` + fastcgi(sock) + ` }
		location /w/images/ { alias ` + w.path("images") + `/; }
		location ~ ^/w/(?<static>(resources|skins|extensions)/.*\.(css|js|png|svg|gif|jpg|jpeg|ico|json|woff|woff2))$ { root ` + source + `; try_files /$static =404; }
		location / { return 404; }
	}
}
`
	if err := errors.Join(os.WriteFile(w.path("conf", "fpm.conf"), []byte(pool), 0o644), os.WriteFile(w.path("conf", "nginx.conf"), []byte(conf), 0o644)); err != nil {
		return fmt.Errorf("writing the servers' settings: %w", err)
	}
	args := []string{"-F"}
	args = append(args, "-d", "apc.shm_size=128M", "-d", "opcache.memory_consumption=192", "-d", "opcache.max_accelerated_files=20000",
		"-d", "opcache.validate_timestamps=0", "-y", w.path("conf", "fpm.conf"))
	if root {
		args = append(args, "-R")
	}
	if err := w.spawn(fpm, args...); err != nil {
		return err
	}
	return w.spawn(nginx, "-p", w.Dir, "-e", w.path("log", "nginx.log"), "-c", w.path("conf", "nginx.conf"))
}

func fastcgi(sock string) string {
	return `fastcgi_pass unix:` + sock + `; fastcgi_param QUERY_STRING $query_string; fastcgi_param REQUEST_METHOD $request_method; fastcgi_param CONTENT_TYPE $content_type; fastcgi_param CONTENT_LENGTH $content_length; fastcgi_param REQUEST_URI $request_uri; fastcgi_param DOCUMENT_URI $document_uri; fastcgi_param DOCUMENT_ROOT $document_root; fastcgi_param SERVER_PROTOCOL $server_protocol; fastcgi_param REMOTE_ADDR $remote_addr; fastcgi_param REMOTE_PORT $remote_port; fastcgi_param SERVER_ADDR $server_addr; fastcgi_param SERVER_PORT $server_port; fastcgi_param SERVER_NAME $host; fastcgi_param GATEWAY_INTERFACE CGI/1.1; fastcgi_buffers 64 16k; fastcgi_buffer_size 32k;`
}

// spawn starts a server in a process group of its own, which dies with it.
func (w *Wiki) spawn(name string, args ...string) error {
	log, err := os.OpenFile(w.path("log", filepath.Base(name)+".out"), os.O_CREATE|os.O_WRONLY|os.O_APPEND, 0o644)
	if err != nil {
		return err
	}
	defer log.Close()
	cmd := exec.Command(name, args...)
	cmd.Stdout, cmd.Stderr, cmd.Dir = log, log, w.Dir
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true, Pdeathsig: syscall.SIGTERM}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("starting %s: %w", filepath.Base(name), err)
	}
	w.procs = append(w.procs, cmd)
	return nil
}

// ready waits until the wiki answers.
func (w *Wiki) ready(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, 30*time.Second)
	defer cancel()
	var last error
	for {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, w.URL+"/w/api.php?action=query&meta=siteinfo&format=json", nil)
		if err != nil {
			return err
		}
		res, err := http.DefaultClient.Do(req)
		if err == nil {
			res.Body.Close()
			if res.StatusCode == http.StatusOK {
				return nil
			}
			err = fmt.Errorf("status %s", res.Status)
		}
		if ctx.Err() == nil {
			last = err
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for the wiki: %w\n%s", last, w.logs())
		case <-time.After(50 * time.Millisecond):
		}
	}
}

// logs gives the servers' own words, for messages.
func (w *Wiki) logs() string {
	var b strings.Builder
	m, _ := filepath.Glob(w.path("log", "*"))
	for _, f := range m {
		data, _ := os.ReadFile(f)
		if len(data) > 2000 {
			data = data[len(data)-2000:]
		}
		fmt.Fprintf(&b, "%s:\n%s\n", filepath.Base(f), data)
	}
	return b.String()
}

// Close ends the servers and removes the folder.
func (w *Wiki) Close() {
	for i := len(w.procs) - 1; i >= 0; i-- {
		p := w.procs[i]
		_ = syscall.Kill(-p.Process.Pid, syscall.SIGTERM)
		done := make(chan struct{})
		go func() { _ = p.Wait(); close(done) }()
		select {
		case <-done:
		case <-time.After(5 * time.Second):
			_ = syscall.Kill(-p.Process.Pid, syscall.SIGKILL)
			<-done
		}
	}
	w.procs = nil
	_ = os.RemoveAll(w.Dir)
}
