"""Trying: one attempt after the other, or beside each other, until an answer is good or known to be the last."""
