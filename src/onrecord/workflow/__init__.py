"""One file per use case; the only place where sibling rooms meet."""
