package supervisor

import (
	"testing"

	"tasks/pkg/task"
)

// TestShortNames leaves out the project of the nearest tasks file.
func TestShortNames(t *testing.T) {
	t.Parallel()
	var infos []*task.Info
	for name, file := range map[string]string{
		"shop.api": "/srv/shop/tasks.yaml", "shop.db": "/srv/shop/tasks.yaml", "shop.v2.web": "/srv/shop/tasks.yaml",
		"all.api": "/srv/tasks.yaml", "all.cron": "/srv/tasks.yaml", "root.x": "/Procfile", "other.api": "/srv/shop2/tasks.yaml",
		"bare": "/srv/shop/bare.yaml", "dotted.name": "/srv/shop/bare.yaml", "hand.made": "",
	} {
		infos = append(infos, &task.Info{Name: name, Spec: task.Spec{File: file}})
	}
	for _, tt := range []struct{ dir, short, want string }{
		{"/srv/shop", "api", "shop.api"}, {"/srv/shop/deep/down", "db", "shop.db"}, {"/srv/shop", "v2.web", "shop.v2.web"}, {"/srv/shop", "web", ""},
		{"/srv", "api", "all.api"}, {"/srv/shop", "cron", "all.cron"}, {"/srv/shop2", "api", "other.api"}, {"/srv/shopping", "db", ""}, {"/srv/shop", "x", "root.x"},
		{"/", "api", ""}, {"/", "x", "root.x"}, {"", "api", ""}, {"/srv/shop", "name", ""}, {"/srv/shop", "made", ""},
	} {
		if got := shortNames(infos, tt.dir)[tt.short]; got != tt.want {
			t.Errorf("%s in %s is %q, want %q", tt.short, tt.dir, got, tt.want)
		}
	}
}
