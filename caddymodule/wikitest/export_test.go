package wikitest

// DemoSource is the demo's world as written.
var DemoSource = string(demoWorld)
