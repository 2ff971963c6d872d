package supervisor

import (
	"io/fs"

	"tasks/internal/plan"
)

// LookBy has s look at files by stat.
func (s *Supervisor) LookBy(stat func(path string) (fs.FileInfo, error)) { s.disk = plan.NewDisk(stat) }
