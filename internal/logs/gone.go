package logs

import (
	"errors"
	"io/fs"
)

// Processes has the Keeper ask of for the main process of a run, 0 where that is not
// known yet, and below where it is over: it has a log open that is no longer at its path. To be called before
// any log is watched.
func (k *Keeper) Processes(of func(name string, run int) int) { k.process = of }

// astray tells that what a run writes goes to no log that is at its path.
func astray(err error) bool { return errors.Is(err, fs.ErrNotExist) || errors.Is(err, errOther) }

// reach opens a log that is not at its path, as why says, by a descriptor of its run;
// nil where that cannot be. That it is gone it says, once.
func (k *Keeper) reach(l *kept, why error) *opened {
	k.mu.Lock()
	id, over := l.id, l.ended || k.logs[l.key] != l
	k.mu.Unlock()
	if over || k.process == nil {
		return nil
	}
	pid := k.process(l.name, l.run)
	if pid == 0 {
		l.tries++
		return nil
	}
	if l.tries = 0; pid < 0 {
		return nil
	}
	if errors.Is(why, fs.ErrNotExist) && !l.gone {
		l.gone = true
		k.log.Warn("a log was removed while its run wrote to it: what it writes is lost", "task", l.name, "run", l.run)
		k.tellOf(l, true)
	}
	return openOf(pid, id, l.path)
}

// tellOf passes on what has befallen a log.
func (k *Keeper) tellOf(l *kept, gone bool) {
	if k.hear != nil {
		k.over.Go(func() { k.hear(l.name, l.run, gone) })
	}
}
