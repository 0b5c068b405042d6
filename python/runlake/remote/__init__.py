"""Servers, seen from a client. The only part of the package that imports urllib3, and not before a server is named."""
