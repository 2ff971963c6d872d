package taskfile

// parse is Load of a file with this text, and without a .env, that was found at abs: path is
// what its problems begin with.
func parse(path, abs, text string, environ []string) (*File, error) {
	f := Found{Path: abs, shown: path, text: content{text: text}}
	return f.Load(environ)
}
