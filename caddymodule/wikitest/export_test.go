package wikitest

// Paths is paths, for the tests outside of the package.
var Paths = paths

// DemoSource is the demo's world as written.
var DemoSource = string(demoWorld)
