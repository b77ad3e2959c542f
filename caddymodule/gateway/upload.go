package gateway

import (
	"net/http"

	"github.com/postern-gateway/postern/caddymodule/guard"
)

// maxUploads is how many bytes of uploads are read at the same time, by
// everybody together. What leaves for the wiki is made anew, so that it is held
// twice for a while.
const maxUploads = 128 << 20

var noRoom = &guard.Refusal{Status: http.StatusTooManyRequests, Rule: "limit", Reason: "more uploads at once than there is room for"}

// admit judges the request; an upload is read when all that can be judged
// without it has been, and then the whole is judged again.
func (x *exchange) admit(gd *guard.Guard) (refusal *guard.Refusal) {
	x.adm, refusal = gd.Admit(x.ctx, x.req, x.view, x.resolver(), x.g.cfg.Log)
	if refusal != nil || !x.adm.Upload {
		return refusal
	}
	size := min(x.r.ContentLength, maxUploads)
	if !x.g.uploads.TryAcquire(size) {
		return noRoom
	}
	x.upload = size
	if refusal := gd.ReadUpload(x.r, x.req); refusal != nil {
		return refusal
	}
	x.adm, refusal = gd.Admit(x.ctx, x.req, x.adm.View, x.resolver(), x.g.cfg.Log)
	return refusal
}
