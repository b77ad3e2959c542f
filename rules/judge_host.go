package rules

// Host judges the name of a host that stands by itself, as in the tag: URIs of
// RFC 4151, and gives the spelling that may stay: of a host that the wiki has or
// had, the site's own. Not ok: it is inside, or no name of a host.
func (j *Judge) Host(name string) (spelled string, ok bool) {
	host, ok := canonicalHost(name)
	if !ok {
		return "", false
	}
	own := j.site.bases[0].host
	for i := range j.site.bases {
		switch b := &j.site.bases[i]; {
		case b.host != host:
		case host == own:
			return name, true
		default:
			return own, own != ""
		}
	}
	for _, glob := range j.site.internal {
		if hostGlob(glob, host) {
			return "", false
		}
	}
	return name, true
}
