"""How fast the pages are: a browser, real stores, and a row of the table of targets a module."""
