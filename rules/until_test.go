package rules

import (
	"testing"
	"time"
)

func TestParseUntil(t *testing.T) {
	for _, tc := range []struct{ in, zone, want string }{
		{"2027-01-31", "UTC", "2027-02-01T00:00:00Z"},
		{"2027-12-31", "UTC", "2028-01-01T00:00:00Z"},
		{"2028-02-29", "UTC", "2028-03-01T00:00:00Z"},
		{"2027-01-31", "Europe/Berlin", "2027-01-31T23:00:00Z"},
		{"2027-03-28", "Europe/Berlin", "2027-03-28T22:00:00Z"},      // 23 hours long
		{"2027-10-31", "Europe/Berlin", "2027-10-31T23:00:00Z"},      // 25 hours long
		{"2027-06-30", "Pacific/Kiritimati", "2027-06-30T10:00:00Z"}, // 14 hours ahead
		{"2018-11-03", "America/Sao_Paulo", "2018-11-04T03:00:00Z"},  // the next midnight does not exist
		{"2018-02-17", "America/Sao_Paulo", "2018-02-18T03:00:00Z"},  // its last hour comes twice
		{"9999-12-31", "UTC", "10000-01-01T00:00:00Z"},
		{"2027-01-31T18:00:00Z", "Europe/Berlin", "2027-01-31T18:00:00Z"},
		{"2027-01-31T18:00:00+01:00", "UTC", "2027-01-31T17:00:00Z"},
		{"2027-01-31T18:00:00.5Z", "UTC", "2027-01-31T18:00:00.5Z"},
	} {
		loc, err := time.LoadLocation(tc.zone)
		if err != nil {
			t.Fatal(err)
		}
		got, err := parseUntil(tc.in, loc)
		if err != nil || got.UTC().Format(time.RFC3339Nano) != tc.want {
			t.Errorf("%s in %s: %v, %v; want %s", tc.in, tc.zone, got.UTC(), err, tc.want)
		}
	}
}
