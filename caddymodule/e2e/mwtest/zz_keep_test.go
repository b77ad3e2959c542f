package mwtest

import ("testing";"os";"time")

func TestKeepHarsh(t *testing.T) {
	stop := os.Getenv("HARSH_KEEP")
	if stop == "" { t.Skip() }
	world := NewHarsh(1, time.Now().Unix())
	w, err := Start(t.Context(), Options{World: world, Settings: os.Getenv("HARSH_SETTINGS")})
	if err != nil { t.Fatal(err) }
	defer w.Close()
	os.WriteFile(stop+".url", []byte(w.URL), 0o644)
	for { if _, err := os.Stat(stop); err == nil { return }; time.Sleep(time.Second) }
}
