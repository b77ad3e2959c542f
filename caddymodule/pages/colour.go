package pages

import (
	"fmt"
	"math"
	"strconv"
	"strings"
)

// rgb is a colour of the sRGB space, each part from 0 to 255.
type rgb [3]uint8

// The shipped style's grounds: in light and dark the one on which the accent is
// harder to read, and what is read on the accent.
var (
	white       = rgb{0xff, 0xff, 0xff}
	lightGround = rgb{0xf2, 0xf4, 0xf7}
	darkGround  = rgb{0x1b, 0x1f, 0x26}
)

const (
	defaultAccent = "#0b5cad"
	// readable is a little over what WCAG 2.2, success criterion 1.4.3, asks
	// of text.
	readable = 4.6
)

// accents writes the accent as custom properties, as it can be read in light
// and in dark: --accent is for text on the ground, and a ground for --on-accent.
func accents(s string) (string, error) {
	if s == "" {
		s = defaultAccent
	}
	c, err := parseColour(s)
	if err != nil {
		return "", err
	}
	light := fit(c, lightGround, rgb{})
	dark := fit(c, darkGround, white)
	return fmt.Sprintf(":root { --accent: %s; --on-accent: %s; }\n@media (prefers-color-scheme: dark) { :root { --accent: %s; --on-accent: %s; } }\n",
		light, white, dark, darkGround), nil
}

func parseColour(s string) (rgb, error) {
	hex := strings.TrimPrefix(s, "#")
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 24)
	if err != nil || len(hex) != 6 {
		return rgb{}, fmt.Errorf("accent: %q is no colour like 0a5 or #00aa55", s)
	}
	return rgb{uint8(n >> 16), uint8(n >> 8), uint8(n)}, nil
}

// fit mixes c with as little of toward as makes it readable on ground.
func fit(c, ground, toward rgb) rgb {
	const steps = 64
	for i := range steps {
		mixed := c
		for j := range mixed {
			mixed[j] = uint8((int(c[j])*(steps-i) + int(toward[j])*i) / steps)
		}
		if contrast(mixed, ground) >= readable {
			return mixed
		}
	}
	return toward
}

// contrast is WCAG 2.2's contrast ratio, from 1 to 21.
func contrast(a, b rgb) float64 {
	x, y := a.luminance(), b.luminance()
	return (max(x, y) + 0.05) / (min(x, y) + 0.05)
}

// luminance is WCAG 2.2's relative luminance.
func (c rgb) luminance() float64 {
	var part [3]float64
	for i, v := range c {
		s := float64(v) / 255
		if s <= 0.04045 {
			part[i] = s / 12.92
		} else {
			part[i] = math.Pow((s+0.055)/1.055, 2.4)
		}
	}
	return 0.2126*part[0] + 0.7152*part[1] + 0.0722*part[2]
}

func (c rgb) String() string { return fmt.Sprintf("#%02x%02x%02x", c[0], c[1], c[2]) }
