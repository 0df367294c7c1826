package actors

import "log/slog"

// outage remembers whether an outside system fails, so that its beginning and
// its end are logged once each.
type outage struct {
	begins string // what the log says when it begins
	ends   string // and when it is over
	on     bool
}

// note takes the outcome of a call and reports whether it is worth telling: it
// failed, or it is the first that did not.
func (o *outage) note(log *slog.Logger, err error) bool {
	was := o.on
	o.on = err != nil
	switch {
	case o.on && !was:
		log.Warn(o.begins, "err", err)
	case !o.on && was:
		log.Info(o.ends)
	}
	return o.on || was
}
