"""Requests and answers of one API as those of another: through one neutral form, a folder for each format."""
