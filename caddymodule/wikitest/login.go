package wikitest

import (
	"crypto/rand"
	"net/http"
	"strings"
	"sync"
)

// sessionCookie names the wiki's own session, as its servlet container does.
const sessionCookie = "JSESSIONID"

// Password is with whom a user signs in with the stand-in itself.
func Password(user string) string { return user + "-wiki" }

// logins are the sessions that people have with the wiki itself.
type logins struct {
	mu   sync.Mutex
	user map[string]string // by cookie
}

func (l *logins) of(r *http.Request) string {
	c, err := r.Cookie(sessionCookie)
	if err != nil {
		return ""
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.user[c.Value]
}

// begin gives a session's cookie; an old one of the browser's ends.
func (l *logins) begin(w http.ResponseWriter, r *http.Request, user string) {
	l.end(r)
	value := rand.Text()
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.user == nil {
		l.user = map[string]string{}
	}
	l.user[value] = user
	http.SetCookie(w, &http.Cookie{Name: sessionCookie, Value: value, Path: "/", HttpOnly: true})
}

func (l *logins) end(r *http.Request) {
	if c, err := r.Cookie(sessionCookie); err == nil {
		l.mu.Lock()
		defer l.mu.Unlock()
		delete(l.user, c.Value)
	}
}

func (l *logins) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.user)
}

// signIns serves the wiki's own sign-in and sign-out.
func (s *server) signIns() {
	s.handle("POST /dologin.action", func(c *call) {
		name := c.r.PostFormValue("os_username")
		u := c.x.users[strings.ToLower(name)]
		if u == nil || u.Inactive || c.r.PostFormValue("os_password") != Password(u.Name) {
			c.w.Header().Set("X-Seraph-LoginReason", "AUTHENTICATED_FAILED")
			c.send(200, "text/html;charset=UTF-8", []byte("<!DOCTYPE html><title>Log In</title><p>Sorry, your username and password are incorrect.</p>"))
			return
		}
		s.logins.begin(c.w, c.r, u.Name)
		http.Redirect(c.w, c.r, c.base+"/", http.StatusFound)
	})
	s.handle("GET /logout.action", func(c *call) {
		s.logins.end(c.r)
		http.SetCookie(c.w, &http.Cookie{Name: sessionCookie, Value: "", Path: "/", MaxAge: -1})
		http.Redirect(c.w, c.r, c.base+"/login.action?logout=true", http.StatusFound)
	})
}

// Sessions is how many people are signed in with the wiki itself.
func (s *Server) Sessions() int { return s.Config.Handler.(*server).logins.count() }
