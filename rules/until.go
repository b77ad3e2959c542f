package rules

import (
	"fmt"
	"regexp"
	"sort"
	"time"
)

var (
	datePattern = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}$`)
	noZone      = regexp.MustCompile(`^\d{4}-\d{2}-\d{2}[T ]\d{2}:\d{2}(:\d{2})?$`)
)

// parseUntil gives the first instant at which an assignment no longer holds: of
// a date, the end of that day in loc; of an RFC 3339 time, that time.
func parseUntil(s string, loc *time.Location) (time.Time, error) {
	if datePattern.MatchString(s) {
		day, err := time.Parse(time.DateOnly, s)
		if err != nil {
			return time.Time{}, fmt.Errorf("until: %q is no day of the calendar", s)
		}
		return endOfDay(day, loc), nil
	}
	var t time.Time
	if err := t.UnmarshalText([]byte(s)); err != nil {
		hint := ""
		if noZone.MatchString(s) {
			hint = "; a time wants its zone behind it, Z or such as +01:00"
		}
		return time.Time{}, fmt.Errorf("until: %q is neither a date such as 2027-01-31 nor a time such as 2027-01-31T18:00:00Z%s", s, hint)
	}
	return t, nil
}

// endOfDay gives the first second at which clocks in loc show a later day. It
// searches, since midnight may not exist, or come twice, where clocks change.
func endOfDay(day time.Time, loc *time.Location) time.Time {
	noon := time.Date(day.Year(), day.Month(), day.Day(), 12, 0, 0, 0, loc)
	next := day.AddDate(0, 0, 1)
	if t := time.Date(next.Year(), next.Month(), next.Day(), 0, 0, 0, 0, loc); t.Hour() == 0 && t.Minute() == 0 && t.Add(-time.Second).Day() == day.Day() {
		return t
	}
	const span = 36 * 60 * 60
	n := sort.Search(span, func(n int) bool {
		y, m, d := noon.Add(time.Duration(n) * time.Second).Date()
		return !time.Date(y, m, d, 0, 0, 0, 0, time.UTC).Before(next)
	})
	return noon.Add(time.Duration(n) * time.Second)
}
