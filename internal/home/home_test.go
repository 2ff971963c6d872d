package home

import "testing"

func TestExpand(t *testing.T) {
	t.Parallel()
	for path, want := range map[string]string{
		"": "", "x": "x", "/~/x": "/~/x", "./~/x": "./~/x", "a~": "a~",
		"~": "/home/me", "~/": "/home/me", "~/x": "/home/me/x", "~/../x/": "/home/x",
	} {
		if got, err := Expand(path, "/home/me"); err != nil || got != want {
			t.Errorf("%q is %q, %v; want %q", path, got, err, want)
		}
	}
	for path, want := range map[string]string{
		"~bob/x": "~bob/x: only ~/ stands for a home directory: use the whole path, or ./~bob/x for a file of that name",
		"~~":     "~~: only ~/ stands for a home directory: use the whole path, or ./~~ for a file of that name",
	} {
		if got, err := Expand(path, "/home/me"); err == nil || err.Error() != want {
			t.Errorf("%q is %q, %v; want %s", path, got, err, want)
		}
	}
	for _, home := range []string{"", "me"} {
		if got, err := Expand("~/x", home); err == nil || err.Error() != "~/x: HOME is not set: use the whole path" {
			t.Errorf("with HOME=%s: %q, %v", home, got, err)
		}
	}
}
