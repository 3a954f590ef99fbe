"""Pages, one package per room of the core; a page never imports another page."""
