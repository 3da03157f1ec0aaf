"""Where a request goes: the rule that matches it, who may ask there, and what the rule changes on the way."""
