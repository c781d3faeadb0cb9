"""Interpreters in which workers run: found, asked, made, locked."""
